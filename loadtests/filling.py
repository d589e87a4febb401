"""What a measured city is filled with: rules like any others, two portals, and visitors who are signed in already."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from authz import offices, store
from city.clock import clock
from city.identifiers import mint
from city.parts import City, open_city
from city.settings import Settings
from city.stores import open_stores
from idp import access_key
from idp import store as identity_store
from idp.identity import NOBODY
from idp.relying_party import Completed
from idp.session import COOKIE
from loadtests.decisions import SEED, city
from storage.act import Act

INLINE, GATED = "inline", "gated"  # two portals: through the door, and by auth_request where nginx is in front
_ASSURANCE, _CLEARANCE = 3, 3
_ISSUER, _EPOCH = "bench", datetime(2020, 1, 1, tzinfo=UTC)
_AT_ONCE = 8  # sign-ins, where the database is a server


@dataclass(frozen=True, slots=True, kw_only=True)
class CitySize:
    """How much of everything."""

    rules: int = 100_000
    departments: int = 200
    sessions: int = 10_000
    routes: int = 100
    revocable: int = 200  # beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocable:
    """A visitor whose session may be ended: her cookie on the first portal, and the access key that ends it."""

    person: str
    cookie: str  # header line
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a founded world's visitors bring: a file of cookie header lines for each portal, and who can be revoked."""

    cookies: Mapping[str, Path]
    revocable: Sequence[Revocable]


def paths(size: CitySize, *, labels: tuple[int, ...] = (1, 2, 3)) -> list[str]:
    """What is asked of either portal: one page below each of its routes with one of these labels."""
    return [f"/service-{n}/page-{n * 7}" for n in range(size.routes // 2) if label_of(n) in labels]


def label_of(number: int) -> int:
    """Of a portal's route: every second carries 3, the others 1 and 2 in turn."""
    return 3 if number % 2 else 1 + number // 2 % 2


def route_table(size: CitySize, upstream: int, *, forward_auth: bool) -> str:
    """The routes of both portals; `forward_auth` is the second's, for a host is one or the other as a whole."""
    return "[names]\n" + "\n".join(
        f'[[routes]]\nhost = "{portal}.localhost"\npath = "/service-{n}/**"\nsystem = "{portal}"\ndepartment = "city"\n'
        f'actions = {{ GET = "read" }}\nlabel = {label_of(n)}\nupstream = "http://127.0.0.1:{upstream}"\n'
        f"forward_auth = {str(forward_auth and portal == GATED).lower()}\n"
        for portal in (INLINE, GATED)
        for n in range(size.routes // 2)
    )


def fill(settings: Settings, size: CitySize, *, folder: Path) -> Filled:
    """Fill the founded city of `settings` through its own code; cookies are kept in `folder`."""
    stores = open_stores(settings, clock=clock)
    wired = open_city(settings, stores)
    try:
        with stores.database.transaction() as connection:
            record = connection.execute(sa.select(store.seal.c.record)).scalar_one()
        for table, rows in _rows(size, record):  # made outside: the database waits for nobody who computes
            with stores.database.transaction() as connection:
                connection.execute(sa.insert(table), rows)
        with stores.database.transaction() as connection:
            keys = [_key(connection, size.sessions + n) for n in range(size.revocable)]
        with ThreadPoolExecutor(_AT_ONCE if settings.profile == "production" else 1) as threads:
            cookies = list(threads.map(lambda number: _cookies(wired, number), range(size.sessions)))
            theirs = threads.map(lambda n: _cookie(wired, size.sessions + n, INLINE), range(size.revocable))
            revocable = [
                Revocable(person=f"user:{number}", cookie=cookie, key=f"Authorization: Bearer {key}")
                for number, (cookie, key) in enumerate(zip(theirs, keys, strict=True), size.sessions)
            ]
    finally:
        wired.records.spool.close()
        stores.close()
    files = {
        portal: _kept(folder / f"cookies-{portal}", [one[portal] for one in cookies]) for portal in (INLINE, GATED)
    }
    return Filled(cookies=files, revocable=revocable)


def _cookies(wired: City, number: int) -> dict[str, str]:
    """One visitor's, of one session."""
    return {portal: _cookie(wired, number, portal) for portal in (INLINE, GATED)}


def _rows(size: CitySize, record: str) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    """A city like `bench decisions` has, two portals, and visitors who may read both up to label 3."""
    of = {"record": record}
    names = {"name_zh": "压力测试", "name_en": "Load test"}
    own = [(portal, f"/{portal}/service-{n}/*") for portal in (INLINE, GATED) for n in range(size.routes // 2)]
    made = city(Random(SEED), rules=size.rules - len(own), departments=size.departments)
    departments = [{"id": f"department-{n}", "parent": "city", **names} for n in range(size.departments)]
    yield identity_store.department, departments
    yield store.system, [{"id": one, "department": "city", "label": 2, **names} for one in (INLINE, GATED)]
    roles = sorted({one.role for one in made.assignments})
    says = {"allows_zh": "", "allows_en": ""}
    yield store.role, [{"id": one, **names, **says} for one in roles]
    rules = [
        {"id": r.id, "subject": r.subject, "department": r.department, "object": r.object, "action": r.action,
         "effect": r.effect.value, **of} for r in made.rules
    ]  # fmt: skip
    rules += [
        {"id": f"visit-{n}", "subject": offices.CITIZEN, "department": "city", "object": pattern, "action": "read",
         "effect": "permit", **of} for n, (_, pattern) in enumerate(own)
    ]  # fmt: skip
    yield store.rule, rules
    held = [(a.id, a.subject, a.role, a.department, int(a.clearance)) for a in made.assignments]
    held += [(f"v{n}", f"user:{n}", offices.CITIZEN, "city", _CLEARANCE) for n in range(size.sessions + size.revocable)]
    columns = ("id", "subject", "role", "department", "clearance")
    given = {"reason": "load test", "given_by": "bootstrap", "given_at": clock(), **of}
    yield store.assignment, [dict(zip(columns, row, strict=True)) | given for row in held]
    yield identity_store.person, [
        {"id": f"user:{n}", "iss": _ISSUER, "sub": f"{n}", "login": f"visitor-{n}", "name": f"访客{n}",
         "not_before": _EPOCH, **of} for n in range(size.sessions + size.revocable)
    ]  # fmt: skip


def _cookie(wired: City, number: int, portal: str) -> str:
    """A session of this visitor's, as the door's own callback begins it."""
    login = Completed(
        iss=_ISSUER, sub=f"{number}", sid=f"sid-{number}", name=f"访客{number}", assurance=_ASSURANCE,
        auth_time=clock(), id_token="e30.e30.e30", return_to="/", cookie_name="",
    )  # fmt: skip
    cookie = wired.people.sessions.begin(
        login,
        person_id=f"user:{number}",
        host=f"{portal}.localhost",
        address="127.0.0.1",
        previous="",
        act=Act(actor=NOBODY.subject, record=mint(), at=clock(), department="city"),
    )
    return f"Cookie: {COOKIE}={cookie}"


def _key(connection: Connection, number: int) -> str:
    until = clock() + timedelta(days=1)
    return access_key.issue(connection, f"user:{number}", assurance=_ASSURANCE, expires_at=until, record=mint())


def _kept(path: Path, lines: list[str]) -> Path:
    path.touch(mode=0o600)
    path.write_text("\n".join(lines))
    return path
