"""The database, Redis or the issuer is away: who was known a moment ago, who is not, and what waits for whom."""

import asyncio
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway import authenticate
from gateway.authenticate import Credentials
from idp.errors import IssuerUnavailable
from idp.session import Session
from storage.errors import StorageUnavailable
from storage.redis_stores import RedisEphemeral
from tests.acts import an_act
from tests.gateway.door import LI, GatewayDoor, in_a_thread, open_door
from tests.stack.parts import redis_running


@contextmanager
def hanging(door: GatewayDoor) -> Iterator[None]:
    """The database answers nobody: every statement waits, for as long as one waits there for a lock."""
    go_on = threading.Event()

    def wait(*_: object) -> None:
        if not go_on.wait(5):
            raise StorageUnavailable("locked")

    for engine in (door.database._engine, door.database._alone):
        sa.event.listen(engine, "before_cursor_execute", wait)
    try:
        yield
    finally:
        go_on.set()


@contextmanager
def failing(door: GatewayDoor) -> Iterator[None]:
    """The database answers, and refuses everything about sessions."""
    with sqlite3.connect(door.folder / "city.db", isolation_level=None) as other:
        other.execute("ALTER TABLE session RENAME TO elsewhere")
        yield
        other.execute("ALTER TABLE elsewhere RENAME TO session")
    other.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticate, "LOOK_UP_SECONDS", 1.0)
    monkeypatch.setattr(authenticate, "AWAY_SECONDS", 0.5)


def forgotten(door: GatewayDoor) -> None:
    """The moment is over for which what was looked up is kept."""
    door.gate.credentials._known.clear()
    door.gate.credentials._holders.clear()


@pytest.mark.parametrize("away", [hanging, failing])
async def test_a_session_that_was_found_outlives_the_database(door: GatewayDoor, away) -> None:  # type: ignore[no-untyped-def]
    cookie, unknown = door.sign_in(), door.sign_in(sid="sid-2")
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    forgotten(door)
    with away(door):
        for _ in range(3):
            assert (await door.ask("/low/1", cookie=cookie)).status == 200
            assert door.records()[-1].subject == LI
        for headers in ({"cookie": unknown}, {"cookie": unknown, "page": True}):
            answer = await door.ask("/low/1", **headers)
            assert answer.status == 503
            assert b"set-cookie" not in dict(answer.headers)
    assert door.records()[-1].reason == "storage-unavailable"
    assert (await door.ask("/low/1", cookie=unknown)).status == 200


async def test_without_the_lease_it_may_only_what_has_a_grace(door: GatewayDoor) -> None:
    cookie = door.sign_in(assurance=3)
    assert (await door.ask("/secret/1", cookie=cookie)).status == 200
    forgotten(door)
    with hanging(door):
        door.seconds += 1.1
        assert (await door.ask("/low/1", cookie=cookie)).status == 200
        assert door.records()[-1].detail["stale"] == 1
        for target, method in (("/secret/1", "GET"), ("/low/1", "POST")):
            assert (await door.ask(target, method=method, cookie=cookie)).status == 503
            assert door.records()[-1].reason == "lease-lost"


async def test_after_ten_minutes_it_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert authenticate.VERIFIED_SECONDS == 600
    monkeypatch.setattr(authenticate, "VERIFIED_SECONDS", 0.2)
    async with open_door(tmp_path) as door:
        cookie = door.sign_in()
        assert (await door.ask("/low/1", cookie=cookie)).status == 200
        forgotten(door)
        await asyncio.sleep(0.3)
        with hanging(door):
            assert (await door.ask("/low/1", cookie=cookie)).status == 503


async def test_one_that_was_ended_or_is_too_old_does_not_come_back(door: GatewayDoor) -> None:
    ended, idle = door.sign_in(), door.sign_in("user:wang", sid="sid-2")
    for cookie in (ended, idle):
        assert (await door.ask("/", cookie=cookie)).status in (200, 403)
    session = door.session_of(ended)
    in_a_thread(lambda: door.sessions.end(session, person_id=LI, act=an_act(record="r")))
    forgotten(door)
    assert (await door.ask("/low/1", cookie=ended)).status == 401
    with hanging(door):
        assert (await door.ask("/low/1", cookie=ended)).status == 503
        door.now += timedelta(minutes=30)
        assert (await door.ask("/low/1", cookie=idle)).status == 401


async def test_a_replaced_cookie_does_not_come_back_either(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    door.gate.credentials.forget(cookie)
    with hanging(door):
        assert (await door.ask("/low/1", cookie=cookie)).status == 503


async def test_who_needs_no_look_up_does_not_wait_for_those_that_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticate, "LOOK_UPS", 2)
    monkeypatch.setattr(authenticate, "WAITING", 5)
    monkeypatch.setattr(authenticate, "LOOK_UP_SECONDS", 1.5)
    async with open_door(tmp_path) as door:
        known = door.sign_in()
        assert (await door.ask("/low/1", cookie=known)).status == 200
        with hanging(door):
            begun = time.monotonic()
            strangers = [asyncio.create_task(door.ask("/low/1", cookie="A" * 42 + end)) for end in "ABCDEFGHIJ"]
            await asyncio.sleep(0.05)
            assert (await door.ask("/public/1")).status == 200
            assert (await door.ask("/low/1", cookie=known)).status == 200
            assert sum(task.done() for task in strangers) == 5  # those that found no place were told so at once
            assert time.monotonic() - begun < 1.0
            assert {(await task).status for task in strangers} == {503}
            assert time.monotonic() - begun < 4.0  # not when the database gives up: when we do


async def test_without_redis_nobody_is_let_in_by_what_was_known(door: GatewayDoor) -> None:
    with redis_running() as server:
        door.sessions._cookies._ephemeral = RedisEphemeral(server.client())
        cookie = door.sign_in()
        assert (await door.ask("/low/1", cookie=cookie)).status == 200
        forgotten(door)
        server.stop(signal.SIGKILL)
        answer = await door.ask("/low/1", cookie=cookie)
        assert (answer.status, door.records()[-1].reason) == (503, "ephemeral-unavailable")
        assert b"set-cookie" not in dict(answer.headers)


async def test_an_issuer_that_cannot_be_asked_is_said_so_and_keeps_the_cookie(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    forgotten(door)

    def away(*_: object, **__: object) -> None:
        raise IssuerUnavailable("away")

    door.sessions.is_due = lambda _: True  # type: ignore[method-assign]
    door.sessions.check = away  # type: ignore[method-assign, assignment]
    answer = await door.ask("/low/1", cookie=cookie)
    assert (answer.status, door.records()[-1].reason) == (503, "issuer-unavailable")
    assert b"set-cookie" not in dict(answer.headers)


async def test_who_waits_for_an_issuer_delays_nobody_else(door: GatewayDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticate, "LOOK_UP_SECONDS", 5.0)
    slow, other, go_on = door.sign_in(sid="sid-1"), door.sign_in(sid="sid-2"), threading.Event()
    theirs, asked = door.session_of(slow), []

    def check(found: Session, *, record: str) -> None:
        asked.append((found.id, record))
        assert go_on.wait(5)

    door.sessions.is_due = lambda found: found.id == theirs  # type: ignore[method-assign]
    door.sessions.check = check  # type: ignore[method-assign]
    waiting = [asyncio.create_task(door.ask("/low/1", cookie=slow)) for _ in range(3)]
    assert (await door.ask("/low/1", cookie=other)).status == 200
    assert not any(task.done() for task in waiting)
    go_on.set()
    assert [(await task).status for task in waiting] == [200] * 3
    records = {event.id for event in door.records() if event.subject == LI}
    assert asked
    assert {record for _, record in asked} <= records, "each under its own request's record"


async def test_sessions_in_use_are_written_down_when_the_database_is_back(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    door.now += timedelta(minutes=20)
    forgotten(door)
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    credentials: Credentials = door.gate.credentials
    with failing(door), pytest.raises(authenticate.StorageUnavailable):
        in_a_thread(credentials.flush)
    in_a_thread(credentials.flush)
    door.now += timedelta(minutes=20)
    forgotten(door)
    assert (await door.ask("/low/1", cookie=cookie)).status == 200


async def test_a_key_has_no_stand_in(door: GatewayDoor) -> None:
    key = door.key()
    assert (await door.ask("/low/1", (b"authorization", key))).status == 200
    forgotten(door)
    with hanging(door):
        assert (await door.ask("/low/1", (b"authorization", key))).status == 503


async def test_a_look_up_that_waits_for_somebody_else_than_the_database_is_not_stood_in_for(door: GatewayDoor) -> None:
    cookie, leased = door.sign_in(), True
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    door.gate.credentials._leased = lambda: leased
    forgotten(door)
    with hanging(door):  # what hangs cannot be seen from the waiting; that the lease is fresh says what does not
        assert (await door.ask("/low/1", cookie=cookie)).status == 503
        leased = False
        assert (await door.ask("/low/1", cookie=cookie)).status == 200
