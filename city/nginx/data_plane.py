"""Fill in the shipped snippets for one city and say how nginx is started with them."""

import getpass
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from string import Template

from city.settings import Settings, SettingsInvalid
from city.supervisor import CannotStart

HERE = Path(__file__).parents[2] / "deploy" / "nginx"
_TEMP = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MAIN = """daemon off; worker_processes 1; pid {scratch}/pid; error_log {log}; user {user};
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{ access_log off; {paths}
{rest}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxFolders:
    """Where nginx's files are."""

    folder: Path  # its configuration, with the secret it proves itself by
    scratch: Path  # what it writes itself
    log: str  # a file, or "stderr"


def configure(
    settings: Settings,
    *,
    gateways: Sequence[Path],
    control: Path,
    forward_auth: Mapping[str, int],
    inline: Sequence[str],
    console: Sequence[str],
) -> list[str]:
    """Write the configuration below `settings.data`/run/nginx and return the command that runs nginx on it.

    `gateways` and `control` are the folders of the processes' two sockets; one process may be all of them.
    `forward_auth`: portals nginx delivers to, by name, with their port on loopback; `inline`: hosts that go through
    a gateway; `console`: hosts that go through `control`. Raises CannotStart, SettingsInvalid.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
    if not program:
        raise CannotStart("nginx is not installed: as root, apt-get install nginx")
    folder = settings.data / "run" / "nginx"
    place = NginxFolders(folder=folder, scratch=folder, log=str(folder / "error.log"))
    portals = {name: f"127.0.0.1:{port}" for name, port in forward_auth.items()}
    write(settings, place, gateways=gateways, control=control, forward_auth=portals, inline=inline, console=console)
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", place.log]


def write(
    settings: Settings,
    place: NginxFolders,
    *,
    gateways: Sequence[Path],
    control: Path,
    forward_auth: Mapping[str, str],
    inline: Sequence[str],
    console: Sequence[str],
) -> None:
    """Write `place`.folder/nginx.conf and what it includes; as `configure`, but portals are anywhere: "host:port".

    Raises SettingsInvalid where https has no certificate.
    """
    place.folder.mkdir(mode=0o700, exist_ok=True)
    values = {
        "FOLDER": str(place.folder),
        "GATES": _servers(gateways, "gate.sock"),
        "DOORS": _servers(gateways, "proxied.sock"),
        "CONTROL": _servers([control], "proxied.sock"),
        "SECRET": settings.data_plane_secret,
        "BODY_BYTES": "1m",
        **_listening(settings),
    }
    fill = partial(_fill, values)
    pools = dict.fromkeys(inline, "citygate_door") | dict.fromkeys(console, "citygate_control")
    hosts = [fill("inline-host.conf", POOL=pool, **_host(settings, name)) for name, pool in pools.items()]
    hosts += [
        fill("forward-auth-host.conf", UPSTREAM=upstream, SYSTEM=name, **_host(settings, name))
        for name, upstream in forward_auth.items()
    ]
    if settings.redirect_port:
        named = [fill("redirect-host.conf", **_host(settings, name)) for name in (*pools, *forward_auth)]
        hosts.append(fill("redirect.conf", HOSTS="\n".join(named)))
    for name in ("secret.conf", "question.conf"):
        _write(place.folder / name, fill(name))
    paths = " ".join(f"{kind}_temp_path {place.scratch}/{kind};" for kind in _TEMP)
    rest = fill("citygate.conf", HOSTS="\n".join(hosts))
    main = _MAIN.format(scratch=place.scratch, log=place.log, user=getpass.getuser(), paths=paths, rest=rest)
    _write(place.folder / "nginx.conf", main)


def _listening(settings: Settings) -> dict[str, str]:
    address = f"[{settings.address}]" if ip_address(settings.address).version == 6 else settings.address
    listen = {"LISTEN": f"{address}:{settings.port}", "PLAIN": f"{address}:{settings.redirect_port}"}
    if settings.scheme == "http":
        return {**listen, "TLS": "", "UNKNOWN": ""}
    if not settings.tls_certificate:
        raise SettingsInvalid("https needs CITYGATE_TLS_CERTIFICATE and CITYGATE_TLS_KEY")
    files = {"CERTIFICATE": str(settings.tls_certificate), "KEY": str(settings.tls_key)}
    unknown = "ssl_reject_handshake on;  # whoever names no host of ours is not even shown a certificate"
    return {
        "LISTEN": f"{listen['LISTEN']} ssl",
        "PLAIN": listen["PLAIN"],
        "TLS": _fill(files, "tls.conf"),
        "UNKNOWN": unknown,
    }


def _fill(values: Mapping[str, str], name: str, **more: str) -> str:
    return Template((HERE / name).read_text()).safe_substitute(values, **more)


def _servers(folders: Sequence[Path], name: str) -> str:
    return " ".join(f"server unix:{folder / name} max_fails=0;" for folder in folders)


def _host(settings: Settings, name: str) -> dict[str, str]:
    authority = settings.origin(name).partition("//")[2]
    return {"HOST": authority.partition(":")[0], "AUTHORITY": authority}


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
