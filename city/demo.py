"""Start the demo city and keep it running: city process, local issuer and three portals, each its own process."""

import contextlib
import fcntl
import json
import secrets
import string
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from city.nginx.data_plane import configure
from city.settings import Settings, to_environment
from city.supervisor import BARE, Process, Supervisor, Taken, answers, check_free, free_ports

ROOT = Path(__file__).parents[1]
HERE = ROOT / "deploy" / "demo"
ADDRESS = "port"  # below `data`/run while the city is up: where commands find it
LOCK = "up.lock"  # beside it, held as long as the city is up
PORTALS = ("marriage", "housing", "social")
FORWARD_AUTH = ("housing", "social")  # behind a data plane; the third takes writes at label 3, so it is inline
_LABEL3 = "/certificates/17"
_READY_SECONDS = 30.0


@dataclass(slots=True, kw_only=True)
class Running:
    """A city that is up."""

    settings: Settings
    people: Sequence[Mapping[str, Any]]
    supervisor: Supervisor
    more: Mapping[str, str] = field(default_factory=dict)  # addresses of this kind of city alone

    def describe(self) -> dict[str, Any]:
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
            "pids": self.supervisor.pids(),
            **self.more,
        }


@contextlib.contextmanager
def up(settings: Settings, people: Sequence[Mapping[str, Any]], *, nginx: bool = False) -> Iterator[Running]:
    """Run the demo city for the length of the block. Raises CannotStart."""
    data = settings.data
    with alone(data):
        for port in (settings.port, settings.port + 1):
            check_free(port)
        ports = dict(zip(("login", *PORTALS), free_ports(1 + len(PORTALS)), strict=True))
        routes = data / "run" / "routes.toml"
        write_routes(routes, (HERE / "routes.toml", HERE / "issuer-routes.toml"), settings, ports, forward_auth=nginx)
        secret = secrets.token_urlsafe(32) if nginx else ""
        settings = replace(
            settings, routes=routes, issuer_port=ports["login"], listen=not nginx, data_plane_secret=secret
        )
        supervisor = Supervisor(logs=data / "run")
        try:
            supervisor.start(_processes(settings, ports, nginx=nginx), within_seconds=_READY_SECONDS)
            with told_where(settings):
                yield Running(settings=settings, people=people, supervisor=supervisor)
        finally:
            supervisor.stop()


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """One supervisor for each city. Raises Taken."""
    with (data / "run" / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Taken(f"this city is up already ({data})") from None
        yield


@contextlib.contextmanager
def told_where(settings: Settings) -> Iterator[None]:
    """Commands find the city by what stands in its folder while it is up."""
    address = settings.data / "run" / ADDRESS
    address.write_text(str(settings.port))
    try:
        yield
    finally:
        address.unlink(missing_ok=True)


def _processes(settings: Settings, ports: Mapping[str, int], *, nginx: bool) -> list[Process]:
    issuer = ours(settings, "issuer", ready=partial(answers, ports["login"]))
    processes = [ours(settings, "city"), issuer]
    processes += [portal(name, settings, port=ports[name]) for name in PORTALS]
    if nginx:
        portals = {name: ports[name] for name in FORWARD_AUTH}
        processes.append(in_front(settings, forward_auth=portals, inline=("login", "marriage")))
    return processes


def ours(settings: Settings, role: str, *, name: str = "", ready: Callable[[], bool] | None = None) -> Process:
    """A process of the city in this role; it is called so, unless there are several."""
    return Process(
        name=name or role,
        command=[sys.executable, "-m", "city.processes", role],
        environment={**BARE, **to_environment(settings)},
        folder=ROOT,
        ready=ready or partial(answers, settings.operations, "/readyz"),
    )


def in_front(
    settings: Settings,
    *,
    forward_auth: Mapping[str, int],
    inline: Sequence[str],
    gateways: Sequence[Path] = (),
    control: Path | None = None,
) -> Process:
    """The data plane before one process that is the whole city, unless others are told; see `configure`."""
    command = configure(
        settings,
        gateways=gateways or [settings.run],
        control=control or settings.run,
        forward_auth=forward_auth,
        inline=inline,
        console=("", "console"),
    )
    return Process(name="nginx", command=command, environment=BARE, folder=ROOT, ready=partial(answers, settings.port))


def portal(name: str, settings: Settings, *, port: int) -> Process:
    """One portal of the demo, behind the door of `settings`."""
    options = {
        "--name": name,
        "--port": str(port),
        "--host": f"{name}.{settings.domain}:{settings.port}",
        "--door": f"http://127.0.0.1:{settings.port}",
        "--console": settings.origin("console"),
    }
    command = [sys.executable, str(HERE / "portal.py"), *(text for option in options.items() for text in option)]
    return Process(name=name, command=command, environment=BARE, folder=ROOT, ready=partial(answers, port))


def write_routes(
    path: Path, parts: Sequence[Path], settings: Settings, ports: Mapping[str, int], *, forward_auth: bool
) -> None:
    """Put a route table together and fill in where its upstreams are."""
    upstreams = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    text = string.Template("\n".join(part.read_text() for part in parts))
    path.write_text(text.substitute(upstreams, domain=settings.domain, forward_auth=str(forward_auth).lower()))


def json_line(running: Running) -> str:
    """The one line of `up --json`."""
    return json.dumps(running.describe(), ensure_ascii=False)
