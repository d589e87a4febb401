"""Start the production topology on this machine: nginx, three gateways, control, and everything behind them."""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from city import demo
from city.demo import PORTALS, Running
from city.founding import Person, Subjects, found_city, people_of
from city.issuer_administration import administration, plan
from city.settings import Settings
from city.stack import keycloak, pgbackrest, postgres, redis
from city.stack.accounts import keycloak_accounts
from city.supervisor import CannotStart, Process, Supervisor, check_free, free_ports
from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.apply import apply

HERE = demo.ROOT / "deploy" / "stack"
GATEWAYS = ("gateway-1", "gateway-2", "gateway-3")
SINGLE = ("sequencer", "clock")  # one of each acts; more may be started, and stand by
_PARTS_SECONDS, _READY_SECONDS = 180.0, 180.0  # four processes load the rules of a large city at once
_SECRETS = ("postgres", "database", "redis", "provisioner", "data-plane", "backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFolder:
    """The folder of a whole stack: the city's own data beside what its parts keep."""

    folder: Path

    @property
    def city(self) -> Path:
        return self.folder / "city"

    def secret(self, name: str) -> str:
        """A password between two parts, made at the founding."""
        return (self.folder / "secrets" / name).read_text()

    def prepare(self) -> None:
        """Make the folder; one whose founding did not end is made anew. Raises OSError."""
        if not self.city.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            (self.folder / "secrets").mkdir(mode=0o700, parents=True)
            (self.folder / "logs").mkdir()
        for path in (self.folder / "secrets" / name for name in _SECRETS):
            if not path.exists():  # a city of an earlier version has fewer
                path.touch(mode=0o600)
                path.write_text(secrets.token_hex(24))


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What stands behind the stack's door, and for whom it is founded: the demo city's, unless a measurement says."""

    routes: Sequence[Path] = (demo.HERE / "routes.toml", HERE / "keycloak-routes.toml")
    portals: Mapping[str, int] = field(default_factory=dict)  # that run already, with their ports; none: ours are run
    forward_auth: Sequence[str] = demo.FORWARD_AUTH
    inline: Sequence[str] = ("login", "marriage")
    accounts: Subjects | None = keycloak_accounts  # None: no issuer is run, and nobody can sign in
    subject_per_minute: int = 6000
    settle: Callable[[Settings], None] = lambda _: None  # when the city is founded, before anybody decides


@contextlib.contextmanager
def stack_up(
    place: StackFolder,
    *,
    port: int,
    cache: Path,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
    behind: Behind = Behind(),
) -> Iterator[Running]:
    """Run a city on the production profile for the length of the block; `cache` keeps Keycloak's distribution.

    Raises CannotStart.
    """
    check_free(port)
    template = keycloak.prepare(cache) if behind.accounts else None
    place.prepare()
    names = ("postgres", "redis", "login", *PORTALS, *GATEWAYS, "control", *SINGLE)
    ports = dict(zip(names, free_ports(len(names)), strict=True)) | dict(behind.portals)
    settings = replace(_settings(place, ports, port=port), subject_per_minute=behind.subject_per_minute)
    supervisor = Supervisor(logs=place.folder / "logs")
    try:
        supervisor.start(_parts(place, settings, ports, template), within_seconds=_PARTS_SECONDS)
        people = _founded(place, settings, ports, behind, clock=clock, mint=mint)
        with demo.alone(settings.data):
            behind.settle(settings)
            started = [*_doors(settings, ports), *_in_front(settings, ports, behind)]
            supervisor.start(started, within_seconds=_READY_SECONDS)
            more = {"keycloak": f"http://127.0.0.1:{ports['login']}"}
            with demo.told_where(settings):
                yield Running(settings=settings, people=people, supervisor=supervisor, more=more)
    finally:
        supervisor.stop()


def _founded(
    place: StackFolder,
    settings: Settings,
    ports: Mapping[str, int],
    behind: Behind,
    *,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> list[Person]:
    """The city's account and database, its routes, its issuer and its people, where they are not there yet."""
    administrator = postgres.address(ports["postgres"], password=place.secret("postgres"))
    postgres.provide(administrator, user="citygate", password=settings.database_password, database="citygate")
    upstreams = {name: ports[name] for name in ("login", *PORTALS, *behind.portals)}
    demo.write_routes(place.folder / "routes.toml", behind.routes, settings, upstreams, forward_auth=True)
    try:
        return _people(settings, behind.accounts, clock=clock, mint=mint)
    except IssuerAdministrationUnavailable as failure:
        raise CannotStart(f"Keycloak's administration: {failure}") from None


def _settings(place: StackFolder, ports: Mapping[str, int], *, port: int) -> Settings:
    return Settings(
        profile="production",
        name="control",
        data=place.city,
        port=port,
        routes=place.folder / "routes.toml",
        listen=False,
        issuer_port=ports["login"],
        database=f"postgresql+psycopg://citygate@127.0.0.1:{ports['postgres']}/citygate",
        redis=redis.address(ports["redis"]),
        database_password=place.secret("database"),
        redis_password=place.secret("redis"),
        provisioner_secret=place.secret("provisioner"),
        data_plane_secret=place.secret("data-plane"),
        backup_pgbackrest=pgbackrest.configure(
            place.folder / "pgbackrest",
            data=place.folder / "postgres/data",
            port=ports["postgres"],
            password=place.secret("postgres"),
            passphrase=place.secret("backup"),
        ),
        backup_restic=place.folder / "restic" if shutil.which("restic") else None,
    )


def _parts(place: StackFolder, settings: Settings, ports: Mapping[str, int], template: Path | None) -> list[Process]:
    folder = place.folder
    parts = [
        postgres.postgres(
            folder / "postgres",
            port=ports["postgres"],
            password=place.secret("postgres"),
            more=pgbackrest.archiving(settings.backup_pgbackrest),
        ),
        redis.redis(folder / "redis", port=ports["redis"], password=settings.redis_password),
    ]
    if template:
        issuer = keycloak.keycloak(
            folder / "keycloak",
            template=template,
            port=ports["login"],
            public_port=settings.port,
            domain=settings.domain,
            admin_secret=settings.provisioner_secret,
            hosts=[f"console.{settings.domain}"],
        )
        parts.append(issuer)
    return parts


def _people(
    settings: Settings, accounts: Subjects | None, *, clock: Callable[[], datetime], mint: Callable[[], str]
) -> list[Person]:
    """Found the city on its first start; later, see that the issuer knows at which port it is now."""
    if not settings.data.exists():
        return found_city(settings, clock=clock, mint=mint, accounts=accounts or _nowhere)
    if accounts:
        with administration(settings) as admin:
            apply(admin, plan(settings))
    return people_of(settings.data)


def _nowhere(_settings: Settings, people: list[Person], _clock: Callable[[], datetime]) -> dict[str, str]:
    """Accounts of an issuer that is not run."""
    return {one["login"]: one["login"] for one in people}


def _doors(settings: Settings, ports: Mapping[str, int]) -> list[Process]:
    """Every process of ours."""
    roles = {**dict.fromkeys(GATEWAYS, "gateway"), "control": "control", **{name: name for name in SINGLE}}
    return [
        _ours(
            replace(
                settings,
                name=name,
                operations_port=ports[name],
                provisioner_secret=settings.provisioner_secret if role == "control" else "",
            ),
            role,
        )
        for name, role in roles.items()
    ]


def _ours(settings: Settings, role: str) -> Process:
    settings.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    return demo.ours(settings, role, name=settings.name)


def _in_front(settings: Settings, ports: Mapping[str, int], behind: Behind) -> list[Process]:
    """nginx, and the portals behind everything."""
    run = settings.data / "run"
    nginx = demo.in_front(
        settings,
        gateways=[run / name for name in GATEWAYS],
        control=run / "control",
        forward_auth={name: ports[name] for name in behind.forward_auth},
        inline=behind.inline,
    )
    ours = () if behind.portals else PORTALS
    return [nginx, *(demo.portal(name, settings, port=ports[name]) for name in ours)]
