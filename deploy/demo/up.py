"""Start the demo city and keep it running: city process, local issuer and three portals, each its own process."""

import contextlib
import ctypes
import fcntl
import http.client
import json
import secrets
import signal
import socket
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from deploy.nginx.data_plane import configure
from settings import Settings, to_environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ADDRESS = "port"  # below `data`/run while the city is up: where commands find it
LOCK = "up.lock"  # beside it, held as long as the city is up
PORTALS = ("marriage", "housing", "social")
FORWARD_AUTH = ("housing", "social")  # behind a data plane; the third takes writes at label 3, so it is inline
_READY = {"city": "/readyz"}  # of the rest any answer will do, a portal's 401 to a direct call too
_LABEL3 = "/certificates/17"
_READY_SECONDS, _STOP_SECONDS, _RESTART_SECONDS = 30.0, 8.0, 1.0
_PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """The city does not come up; the message says why."""


@dataclass(slots=True, kw_only=True)
class _Process:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    running: subprocess.Popen[bytes] | None = None
    begun: float = 0.0

    def start(self, log: IO[bytes]) -> None:
        self.begun = time.monotonic()
        self.running = subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads here
        )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Running:
    """A city that is up; `stop` ends every process of it."""

    settings: Settings
    ports: Mapping[str, int]
    people: Sequence[Mapping[str, Any]]
    processes: list[_Process] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """What `up --json` prints when everything answers."""
        settings = self.settings
        portals = [
            {
                "name": name,
                "url": settings.origin(name),
                "host": f"{name}.{settings.domain}:{settings.port}",
                "label3_path": _LABEL3,
            }
            for name in PORTALS
        ]
        return {
            "gateway": settings.origin("console").replace("console.", ""),
            "console": settings.origin("console"),
            "portals": portals,
            "people": list(self.people),
            "data": str(settings.data.resolve()),
            "pids": {p.name: p.running.pid for p in self.processes if p.running},
        }

    def keep(self) -> None:
        """Wait for Ctrl-C; a process that ends is started again, at most once a second."""
        while True:
            time.sleep(0.2)
            for process in self.processes:
                ended = process.running and process.running.poll() is not None
                if ended and time.monotonic() - process.begun > _RESTART_SECONDS:
                    self._start(process)

    def start(self, processes: Sequence[_Process]) -> None:
        """Start all and wait until each answers. Raises CannotStart."""
        for process in processes:
            self.processes.append(process)
            self._start(process)
        deadline = time.monotonic() + _READY_SECONDS
        waiting = {"city": self.settings.port + 1, **self.ports}
        while waiting:
            waiting = {name: port for name, port in waiting.items() if not _answers(port, _READY.get(name, "/"))}
            dead = [p.name for p in self.processes if p.running and p.running.poll() is not None]
            if dead or time.monotonic() > deadline:
                raise CannotStart(f"not ready: {', '.join(dead or waiting)}; see {self.settings.data / 'run'}/*.log")
            time.sleep(0.05)

    def stop(self) -> None:
        """End every process, politely first."""
        for process in reversed(self.processes):
            if process.running and process.running.poll() is None:
                process.running.terminate()
        for process in self.processes:
            if process.running:
                try:
                    process.running.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.running.kill()
                    process.running.wait()

    def _start(self, process: _Process) -> None:
        with (self.settings.data / "run" / f"{process.name}.log").open("ab") as log:
            process.start(log)


@contextlib.contextmanager
def up(settings: Settings, people: Sequence[Mapping[str, Any]], *, nginx: bool = False) -> Iterator[Running]:
    """Run the demo city for the length of the block. Raises CannotStart."""
    data = settings.data
    with (data / "run" / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"this city is up already ({data})") from None
        for port in (settings.port, settings.port + 1):
            _check_free(port)
        ports = dict(zip(("login", *PORTALS), _free_ports(1 + len(PORTALS)), strict=True))
        routes = data / "run" / "routes.toml"
        routes.write_text(_filled((HERE / "routes.toml").read_text(), settings, ports, forward_auth=nginx))
        secret = secrets.token_urlsafe(32) if nginx else ""
        settings = replace(
            settings, routes=routes, issuer_port=ports["login"], listen=not nginx, data_plane_secret=secret
        )
        running = Running(settings=settings, ports=ports, people=people)
        address = data / "run" / ADDRESS
        try:
            running.start(_processes(settings, ports, nginx=nginx))
            address.write_text(str(settings.port))
            yield running
        finally:
            address.unlink(missing_ok=True)
            running.stop()


def _processes(settings: Settings, ports: Mapping[str, int], *, nginx: bool) -> list[_Process]:
    bare = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    environment = {**bare, **to_environment(settings)}
    processes = [
        _Process(name="city", command=[sys.executable, "app.py", "city"], environment=environment),
        _Process(name="issuer", command=[sys.executable, "app.py", "issuer"], environment=environment),
    ]
    for name in PORTALS:
        options = {
            "--name": name,
            "--port": str(ports[name]),
            "--host": f"{name}.{settings.domain}:{settings.port}",
            "--door": f"http://127.0.0.1:{settings.port}",
            "--console": settings.origin("console"),
        }
        command = [sys.executable, str(HERE / "portal.py"), *(text for option in options.items() for text in option)]
        processes.append(_Process(name=name, command=command, environment=bare))
    if nginx:
        portals = {name: ports[name] for name in FORWARD_AUTH}
        command = configure(settings, portals, inline=("", "console", "login", "marriage"))
        processes.append(_Process(name="nginx", command=command, environment=environment))
    return processes


def _filled(text: str, settings: Settings, ports: Mapping[str, int], *, forward_auth: bool) -> str:
    upstreams = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    return string.Template(text).substitute(upstreams, domain=settings.domain, forward_auth=str(forward_auth).lower())


def _answers(port: int, path: str) -> bool:
    """Whether something ready listens there; a portal's 401 to a direct call is an answer too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CannotStart(f"port {port} is taken; choose another with --port") from None


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _die_with_parent() -> None:
    """Nothing outlives the command that started it, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def address_of(data: Path) -> int | None:
    """The port of the city that is up on `data`; None where none is, whatever a killed one left behind."""
    address = data / "run" / ADDRESS
    if not address.exists():
        return None
    with (data / "run" / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(address.read_text())
    return None


def json_line(running: Running) -> str:
    """The one line of `up --json`."""
    return json.dumps(running.told(), ensure_ascii=False)
