"""Fill in the shipped snippets for one city and say how nginx is started with them."""

import getpass
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from settings import Settings

HERE = Path(__file__).parent
_TEMP = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MAIN = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; user {user};
events {{}}
http {{ access_log off; {paths}
{rest}
}}
"""


class NginxMissing(Exception):
    """nginx is not installed."""


def configure(settings: Settings, forward_auth: Mapping[str, int], *, inline: Sequence[str]) -> list[str]:
    """Write the configuration below `settings.data`/run/nginx and return the command that runs nginx on it.

    `forward_auth`: portals nginx delivers to, by name, with their port on loopback; `inline`: hosts that go through
    the door. Raises NginxMissing.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
    if not program:
        raise NginxMissing("nginx is not installed: as root, apt-get install nginx")
    run = settings.data / "run"
    folder = run / "nginx"
    folder.mkdir(mode=0o700, exist_ok=True)
    values = {
        "LISTEN": f"127.0.0.1:{settings.port}",
        "FOLDER": str(folder),
        "GATE_SOCKET": str(run / "gate.sock"),
        "DOOR_SOCKET": str(run / "proxied.sock"),
        "SECRET": settings.data_plane_secret,
        "BODY_BYTES": "1m",
    }

    def fill(name: str, **more: str) -> str:
        return Template((HERE / name).read_text()).safe_substitute(values, **more)

    hosts = [fill("inline-host.conf", **_host(settings, name)) for name in inline]
    hosts += [
        fill("forward-auth-host.conf", UPSTREAM=f"127.0.0.1:{port}", SYSTEM=name, **_host(settings, name))
        for name, port in forward_auth.items()
    ]
    for name in ("secret.conf", "question.conf"):
        _write(folder / name, fill(name))
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMP)
    rest = fill("citygate.conf", HOSTS="\n".join(hosts))
    _write(folder / "nginx.conf", _MAIN.format(folder=folder, user=getpass.getuser(), paths=paths, rest=rest))
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]


def _host(settings: Settings, name: str) -> dict[str, str]:
    host = f"{name}.{settings.domain}".removeprefix(".")
    return {"HOST": host, "AUTHORITY": f"{host}:{settings.port}"}


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
