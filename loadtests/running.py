"""Processes of a measurement, each started and stopped by its id: a city, the upstream, nginx before the baselines."""

import contextlib
import getpass
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from city.demo import in_front, ours
from city.settings import Settings
from city.supervisor import BARE, Process, Supervisor, answers, free_ports
from loadtests.meter import BODY_BYTES, need

ROOT = Path(__file__).parents[1]
MARK = "from the upstream"  # stands in every answer of the upstream, and in nothing else
_READY_SECONDS = 120.0
_TEMP = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MAIN = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; user {user};
events {{}}
http {{ access_log off; {paths} proxy_http_version 1.1;
upstream behind {{ server 127.0.0.1:{upstream}; keepalive 128; }}
upstream auth {{ server 127.0.0.1:{auth}; keepalive 128; }}
{servers}
}}
"""
_UPSTREAM = "server {{ listen 127.0.0.1:{port}; default_type application/json; location / {{ return 200 '{body}'; }} }}"
_PLAIN = """server {{ listen 127.0.0.1:{port};
  location / {{ proxy_pass http://behind; proxy_set_header Connection ""; }} }}"""
_GUARDED = """server {{ listen 127.0.0.1:{port};
  location / {{ auth_request /question; proxy_pass http://behind; proxy_set_header Connection ""; }}
  location = /question {{ internal; proxy_pass http://auth/auth; proxy_pass_request_body off;
    proxy_set_header Content-Length ""; proxy_set_header Connection ""; }} }}"""


@contextlib.contextmanager
def run_processes(folder: Path, processes: list[Process]) -> Iterator[dict[str, int]]:
    """Run them for the length of the block; their ids by name. Raises CannotStart."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    supervisor = Supervisor(logs=folder)
    try:
        supervisor.start(processes, within_seconds=_READY_SECONDS)
        yield supervisor.pids()
    finally:
        supervisor.stop()


@contextlib.contextmanager
def running(settings: Settings, *, gated: Mapping[str, int] | None = None) -> Iterator[dict[str, int]]:
    """A city process, behind nginx where `gated` names the portals of auth_request and their ports."""
    processes = [ours(settings, "city")]
    if gated is not None:
        processes.append(in_front(settings, forward_auth=gated, inline=("login", "inline")))
    with run_processes(settings.data / "run", processes) as pids:
        yield pids


@contextlib.contextmanager
def upstream(folder: Path) -> Iterator[int]:
    """An nginx that answers everything with 1 KB of JSON; its port."""
    (port,) = free_ports(1)
    body = f'{{"told":"{MARK}","filling":"'
    body += "x" * (BODY_BYTES - len(body) - 2) + '"}'
    with run_processes(folder, [_nginx(folder, _UPSTREAM.format(port=port, body=body), port=port)]):
        yield port


@contextlib.contextmanager
def baselines(folder: Path, *, upstream_port: int, public_key: Path) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """An nginx alone, and the two naive ones on granian: their ports and their processes' ids, by name."""
    need("nginx")
    names = ("naive_proxy", "naive_auth", "plain", "guarded")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    servers = "\n".join((_PLAIN.format(port=ports["plain"]), _GUARDED.format(port=ports["guarded"])))
    processes = [
        _granian("naive_proxy", ports["naive_proxy"], {"UPSTREAM": f"http://127.0.0.1:{upstream_port}"}, threads=16),
        _granian("naive_auth", ports["naive_auth"], {"PUBLIC_KEY": str(public_key)}, threads=1),
        _nginx(folder, servers, port=ports["plain"], upstream=upstream_port, auth=ports["naive_auth"]),
    ]
    with run_processes(folder, processes) as pids:
        yield ports, pids


def _granian(name: str, port: int, environment: dict[str, str], *, threads: int) -> Process:
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "2", "--blocking-threads", str(threads), "--no-ws"]
    command += ["--log-level", "warning", f"loadtests.baselines.{name}:app"]
    path = "/auth" if name == "naive_auth" else "/"
    ready = partial(answers, port, path)
    return Process(name=name, command=command, environment={**BARE, **environment}, folder=ROOT, ready=ready)


def _nginx(folder: Path, servers: str, *, port: int, upstream: int = 1, auth: int = 1) -> Process:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMP)
    text = _MAIN.format(
        folder=folder, user=getpass.getuser(), paths=paths, servers=servers, upstream=upstream, auth=auth
    )
    (folder / "nginx.conf").write_text(text)
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    return Process(name="nginx", command=command, environment=BARE, folder=ROOT, ready=partial(answers, port))
