"""Controls of a running city, broken where they lie and mended again: what the next self-assessment has to find."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta

import sqlalchemy as sa

from backup import store
from idp.keycloak.people import one_time_code, subjects
from idp.keycloak.realm import REALM
from storage.database import Database
from tests.journeys.running_city import City
from tests.stack.breaking import administered

WHO = "chu"  # an administrator of the audit, whom no step of the line needs
YEARS = timedelta(days=800)


@contextmanager
def break_controls(city: City) -> Iterator[None]:
    """All of them at once; then all is as it was."""
    with ExitStack() as stack:
        for breaking in (_second_factor, _border, _drill, _key_file):
            stack.enter_context(breaking(city))
        yield


@contextmanager
def _second_factor(city: City) -> Iterator[None]:
    """An administrator's one-time code is removed at the issuer."""
    if city.has_keycloak:
        with administered(city) as admin:
            path = f"{REALM}/users/{subjects(admin, [WHO])[WHO]}"
            (code,) = [one["id"] for one in admin.get(f"{path}/credentials") if one["type"] == "otp"]
            admin.delete(f"{path}/credentials/{code}")
            try:
                yield
            finally:
                again = [one_time_code(city.person(WHO)["totp_secret"])]
                admin.put(path, admin.get(path) | {"credentials": again})
        return
    with closing(sqlite3.connect(city.data / "issuer/accounts.db", timeout=5, isolation_level=None)) as accounts:
        (seed,) = accounts.execute("SELECT seed FROM account WHERE login = ?", (WHO,)).fetchone()
        accounts.execute("UPDATE account SET seed = NULL WHERE login = ?", (WHO,))
        try:
            yield
        finally:
            accounts.execute("UPDATE account SET seed = ? WHERE login = ?", (seed, WHO))


@contextmanager
def _border(city: City) -> Iterator[None]:
    """A rule between zones that nobody approved."""
    plane = city.data / "infra/zones.json"
    rules = plane.read_text()
    opened = json.loads(rules)
    one, other, *_ = opened["interfaces"].values()
    opened["passages"].append([one, other, "tcp", 22, "by-hand"])
    plane.write_text(json.dumps(opened))
    try:
        yield
    finally:
        plane.write_text(rules)


@contextmanager
def _drill(city: City) -> Iterator[None]:
    """The last drill was too long ago."""
    database = Database(city.database_url, connections=1)
    drills = sa.select(store.work.c.id, store.work.c.finished_at).where(store.work.c.kind == "drill")
    with database.transaction() as connection:
        ended = connection.execute(drills).all()

    def moved(by: timedelta) -> None:
        with database.transaction() as connection:
            for drill, at in ended:
                mine = sa.update(store.work).where(store.work.c.id == drill)
                connection.execute(mine.values(finished_at=at - by))

    moved(YEARS)
    try:
        yield
    finally:
        moved(timedelta())
        database.close()


@contextmanager
def _key_file(city: City) -> Iterator[None]:
    """A key file can be read by others."""
    key = city.data / "keys/pairwise.key"
    mode = key.stat().st_mode
    key.chmod(0o644)
    try:
        yield
    finally:
        key.chmod(mode)
