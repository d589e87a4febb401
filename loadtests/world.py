"""The city under load: 100 000 rules, 10 000 sessions, 100 routes of which half carry label 3; rows like any others.

`PROFILES` holds what may be underneath. A profile founds the world once, runs it for the length of a block and says by
which `CityEntrance`s it is reached; everything that measures knows no more than that.
"""

import contextlib
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from city.clock import clock
from city.founding import found_city
from city.identifiers import mint
from city.settings import Settings
from city.stack.up import GATEWAYS, SINGLE, Behind, stack_up
from city.stack.up import StackFolder as StackPlace
from city.stores import database_url
from city.supervisor import free_pair
from idp import store as identity_store
from loadtests.filling import GATED, INLINE, CitySize, Filled, Revocable, fill, route_table
from loadtests.running import running
from storage.database import Database

SUBJECT_PER_MINUTE = 60_000  # who is asked about every 10 ms
OURS = (*GATEWAYS, "control", *SINGLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CityEntrance:
    """One way into a running city."""

    port: int
    host: str  # the Host header
    cookies: Path  # one header line each
    ours: tuple[int, ...]  # root processes whose CPU counts
    apart: Mapping[str, Sequence[int]] = field(default_factory=dict)  # others', by name
    gateways: Sequence[Path] = ()  # their own sockets: nginx keeps a visitor at one
    proof: Mapping[str, str] = field(default_factory=dict)  # headers by which they know nginx


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A city that runs, as far as a measurement needs to know it."""

    entrances: Mapping[str, CityEntrance]  # "inline", "inline_nginx", "forward_auth"; a profile may lack one
    console: CityEntrance  # where sessions are ended
    probed: CityEntrance  # where a revoked visitor asks: every gateway in turn, where there are several
    revocable: Sequence[Revocable]
    list_ended: Callable[[], Mapping[str, float]]  # person → when her session's row says it ended, seconds since 1970
    disturbances: Mapping[str, Callable[[], AbstractContextManager[None]]] = field(
        default_factory=lambda: {"none": contextlib.nullcontext}
    )


Profile = Callable[[Path, CitySize, int], AbstractContextManager[World]]


@contextlib.contextmanager
def embedded_city(folder: Path, size: CitySize, upstream: int) -> Iterator[World]:
    """Two city processes on copies of one founded city: one listens itself, the other is behind nginx."""
    base = Settings(data=folder / "founded", port=free_pair(), subject_per_minute=SUBJECT_PER_MINUTE)
    found_city(base, clock=clock, mint=mint)
    routes = base.data / "run/routes.toml"
    routes.write_text(route_table(size, upstream, forward_auth=False))
    filled = fill(replace(base, routes=routes), size, folder=folder)
    cities = {}
    for name in ("direct", "fronted"):
        shutil.copytree(base.data, folder / name)
        routes = folder / name / "run/routes.toml"
        routes.write_text(route_table(size, upstream, forward_auth=name == "fronted"))
        cities[name] = replace(base, data=folder / name, port=free_pair(), routes=routes)
    cities["fronted"] = replace(cities["fronted"], listen=False, data_plane_secret=secrets.token_urlsafe(32))
    direct, fronted = cities["direct"], cities["fronted"]
    with running(direct) as pids, running(fronted, gated={GATED: upstream}) as fronted_pids:
        inline = _entrance(direct, INLINE, pids, filled)
        yield World(
            entrances={
                "inline": inline,
                "inline_nginx": _entrance(fronted, INLINE, fronted_pids, filled),
                "forward_auth": _entrance(fronted, GATED, fronted_pids, filled),
            },
            console=replace(inline, host=direct.origin("console").partition("//")[2]),
            probed=inline,
            revocable=filled.revocable,
            list_ended=partial(_ended, f"sqlite:///{direct.data / 'city.db'}"),
        )


@contextlib.contextmanager
def stack(_folder: Path, size: CitySize, upstream: int) -> Iterator[World]:
    """The production topology without an issuer, for nobody signs in: who visits was signed in when it was filled."""
    with stack_folder() as folder:
        (folder / "routes.toml").write_text(route_table(size, upstream, forward_auth=True))
        filled: list[Filled] = []
        behind = Behind(
            routes=[folder / "routes.toml"],
            portals={INLINE: upstream, GATED: upstream},
            forward_auth=(GATED,),
            inline=(INLINE,),
            accounts=None,
            subject_per_minute=SUBJECT_PER_MINUTE,
            settle=lambda settings: filled.append(fill(settings, size, folder=folder)),
        )
        place = StackPlace(folder=folder / "stack")
        with stack_up(place, port=free_pair(), cache=folder, clock=clock, mint=mint, behind=behind) as city:
            at, pids = city.settings, city.supervisor.pids()
            inline = _entrance(at, INLINE, pids, filled[0])
            yield World(
                entrances={"inline": inline, "forward_auth": _entrance(at, GATED, pids, filled[0])},
                console=replace(inline, host=at.origin("console").partition("//")[2]),
                probed=_each_gateway(at, inline),
                revocable=filled[0].revocable,
                list_ended=partial(_ended, database_url(at)),
                disturbances={"none": contextlib.nullcontext, "redis_paused": partial(_paused, pids["redis"])},
            )


PROFILES: Mapping[str, Profile] = {"embedded": embedded_city, "stack": stack}


@contextlib.contextmanager
def stack_folder() -> Iterator[Path]:
    """One that the accounts of PostgreSQL and Redis can reach; what is secret in it is readable by its owner alone."""
    with tempfile.TemporaryDirectory(prefix="citygate-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def _paused(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _entrance(at: Settings, portal: str, pids: Mapping[str, int], filled: Filled) -> CityEntrance:
    ours = tuple(pid for name, pid in pids.items() if name in (*OURS, "city"))
    apart = {name: (pid,) for name, pid in pids.items() if name in ("nginx", "postgres", "redis")}
    host = at.origin(portal).partition("//")[2]
    return CityEntrance(port=at.port, host=host, cookies=filled.cookies[portal], ours=ours, apart=apart)


def _each_gateway(at: Settings, way: CityEntrance) -> CityEntrance:
    proof = {"X-Citygate-Data-Plane": at.data_plane_secret, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http"}
    return replace(way, gateways=[at.data / "run" / name / "proxied.sock" for name in GATEWAYS], proof=proof)


def _ended(url: str) -> dict[str, float]:
    database, session = Database(url), identity_store.session
    try:
        with database.transaction() as connection:
            rows = connection.execute(
                sa.select(session.c.person, session.c.ended_at).where(session.c.ended_at.is_not(None))
            )
            return {who: at.timestamp() for who, at in rows}
    finally:
        database.close()
