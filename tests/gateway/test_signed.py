"""Requests that apps sign: every signed part counts, each request counts once, and nothing unknown is taken."""

import asyncio
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from gateway.authenticate import Credentials, authenticate
from gateway.errors import HeadersRefused, RateExceeded
from gateway.signed import Signed
from gateway.stages import Inbound, Listener, Matched
from idp.app_key import AppHolder, Claim, Said, authorization_of, digest_told, signature_of
from idp.errors import CredentialRejected
from idp.session import COOKIE
from storage.database import Database
from storage.ephemeral import DatabaseEphemeral, Ephemeral
from storage.errors import EphemeralUnavailable
from storage.shared import SINCE, RedisEphemeral
from storage.shared_counts import RedisCounts
from tests.gateway.asked import read
from tests.stack.parts import redis_running

KEY, SECRET, HOST = "01JB3F6Z7Q8R9S0T1V2W3X4Y5Z", b"cg_app_secret", "marriage.localhost"
KIND = "application/json"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Apps:
    """The register of apps, as a test changes it; `asked` counts look-ups."""

    ended: bool = False
    created_at: datetime = NOW - timedelta(days=1)
    asked: int = 0
    held: Callable[[], None] = lambda: None

    def find(self, key: str) -> AppHolder:
        self.asked += 1
        told = self.ended
        self.held()
        if told or key != KEY:
            raise CredentialRejected
        return AppHolder(
            subject=f"app:{KEY}",
            name="核验",
            secret=SECRET,
            created_at=self.created_at,
            expires_at=NOW + timedelta(days=999),
        )


class Memory:
    """Nonces in this process, for what is not about where they are kept."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}
        self.held: Callable[[], None] = lambda: None

    def claim(self, key: str, *, seconds: int, since: float) -> bool:
        self.held()
        return self.spent.setdefault(key, seconds) is seconds if key not in self.spent else False


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


def a_door(apps: Any = None, spent: Any = None, clock: Any = None, **more: Any) -> Signed:
    return Signed(apps or Apps(), spent or Memory(), clock or Clock(), **more)


def request(
    target: str = "/open/1?a=b", *, method: str = "GET", body: bytes = b"", nonce: str = "", at: int = 0,
    headers: tuple[tuple[bytes, bytes], ...] = (), **changes: Any,
) -> tuple[Inbound, str]:  # fmt: skip
    """A request as an app sends it; changes are made after it was signed."""
    claim = Claim(key=KEY, time=at or int(NOW.timestamp()), nonce=nonce or secrets.token_urlsafe(18), signature="")
    digest = digest_told(hashlib.sha256(body).digest())
    said = Said(method=method, host=HOST, target=target, content_type=KIND if body else "", digest=digest)
    authorization = authorization_of(replace(claim, signature=signature_of(SECRET, claim, said)))
    if body:
        told = {b"content-digest": digest, b"content-length": str(len(body)), b"content-type": KIND}
        headers = (*((name, value.encode()) for name, value in told.items()), *headers)
    headers = (*headers, (b"authorization", authorization.encode()))
    raw = {"method": method.encode(), **changes}
    return read(target.encode(), *headers, **raw), authorization


async def taken(door: Signed, asked: tuple[Inbound, str]) -> bool:
    try:
        return (await door.identity(*asked)).subject == f"app:{KEY}"
    except CredentialRejected:
        return False


async def test_who_signs_is_the_app_with_a_second_factors_assurance_and_no_session() -> None:
    identity = await a_door().identity(*request())
    assert (identity.subject, identity.assurance, identity.name) == (f"app:{KEY}", 3, "核验")
    assert (identity.session, identity.csrf, identity.department) == ("", "", "")


PARTS = ("method", "host", "target", "type", "digest", "key", "time", "nonce", "signature")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(part=st.sampled_from(PARTS), data=st.data())
def test_a_change_of_any_signed_part_is_refused(part: str, data: st.DataObject) -> None:
    body = b"{}"
    inbound, authorization = request("/open/1?a=b", method="POST", body=body)
    if part == "method":
        inbound = replace(inbound, method=data.draw(st.sampled_from(["PUT", "GET", "DELETE", "PATCH"])))
    elif part == "host":
        inbound = replace(inbound, host=data.draw(st.sampled_from(["housing.localhost", "marriage.localhos", ""])))
    elif part == "target":
        inbound = replace(inbound, path=data.draw(st.sampled_from(["/open/2", "/open/1/", "/"])))
        inbound = replace(inbound, query=data.draw(st.sampled_from(["a=b", "a=c", "", "a=b&c"])))
    elif part == "type":
        kind = data.draw(st.sampled_from(["application/xml", "Application/json", "application/json; charset=gbk", ""]))
        changed = [(n, kind.encode() if n == b"content-type" else v) for n, v in inbound.headers]
        inbound = replace(inbound, headers=tuple(one for one in changed if one[1]))
    elif part == "digest":
        other = digest_told(hashlib.sha256(data.draw(st.binary().filter(lambda one: one != body))).digest())
        changed = [(n, other.encode() if n == b"content-digest" else v) for n, v in inbound.headers]
        inbound = replace(inbound, headers=tuple(changed))
    else:
        value = authorization.partition(f"{part}=")[2].partition(",")[0]
        at = data.draw(st.integers(0, len(value) - 1))
        other = data.draw(st.sampled_from("0123456789abcdef").filter(lambda one: one != value[at]))
        authorization = authorization.replace(value, value[:at] + other + value[at + 1 :])
    assert not asyncio.run(taken(a_door(), (inbound, authorization)))


@pytest.mark.parametrize(("seconds", "fine"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
async def test_a_clock_may_be_five_minutes_off(seconds: int, fine: bool) -> None:
    assert await taken(a_door(), request(at=int(NOW.timestamp()) + seconds)) == fine


async def test_a_request_counts_once_and_its_nonce_serves_no_other() -> None:
    door, again = a_door(), request(nonce="n" * 22)
    assert [await taken(door, again), await taken(door, again)] == [True, False]
    for other in (request(nonce="n" * 22, method="HEAD"), request("/open/2", nonce="n" * 22),
                  request(nonce="n" * 22, at=int(NOW.timestamp()) + 1)):  # fmt: skip
        assert not await taken(door, other)


async def test_what_is_refused_spends_no_nonce() -> None:
    spent = Memory()
    inbound, authorization = request()
    door = a_door(spent=spent)
    assert not await taken(door, (replace(inbound, path="/open/9"), authorization))
    assert spent.spent == {}
    assert await taken(door, (inbound, authorization))


async def test_who_asked_too_often_leaves_no_nonce_behind() -> None:
    spent = Memory()

    def full(subject: str) -> None:
        assert subject == f"app:{KEY}"
        raise RateExceeded(retry_seconds=10)

    with pytest.raises(RateExceeded):
        await a_door(spent=spent, check_rate=full).identity(*request())
    assert spent.spent == {}


def remembers(client: Redis, *, since: float) -> None:
    """This Redis, as if it had begun then."""
    client.hset(SINCE, client.info("server")["run_id"], int(since))


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def gateways(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Ephemeral]]:
    """Two gateways' ways to one memory of nonces."""
    if request.param == "redis":
        client = request.getfixturevalue("redis_client")
        remembers(client, since=0)
        yield [RedisEphemeral(client) for _ in range(2)]
        return
    url = f"sqlite:///{tmp_path / 'c.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    databases = [Database(url) for _ in range(2)]
    databases[0].migrate()
    yield [DatabaseEphemeral(one, clock=lambda: datetime.now(UTC)) for one in databases]
    for one in databases:
        one.close()


async def test_of_one_request_at_two_gateways_at_once_one_counts(gateways: list[Ephemeral]) -> None:
    doors = [a_door(spent=one) for one in gateways]
    for _ in range(10):
        again = request()
        answers = await asyncio.gather(*(taken(door, again) for door in doors * 4))
        assert sum(answers) == 1


async def test_a_nonce_may_serve_again_when_no_request_of_its_time_could(tmp_path: Path) -> None:
    database, clock = Database(f"sqlite:///{tmp_path / 'c.db'}"), Clock()
    await asyncio.to_thread(database.migrate)
    door = a_door(spent=DatabaseEphemeral(database, clock=clock), clock=clock)
    ahead = int(NOW.timestamp()) + 300  # a clock that is five minutes fast: its request is fresh for ten
    first = request(nonce="n" * 22, at=ahead)
    assert await taken(door, first)
    clock.now = NOW + timedelta(seconds=600)
    assert not await taken(door, first)
    clock.now = NOW + timedelta(seconds=661)
    assert not await taken(door, first)  # by its time
    assert await taken(door, request(nonce="n" * 22, at=int(clock.now.timestamp())))
    database.close()


@pytest.mark.parametrize("forget", ["restart", "flush"])
async def test_what_a_redis_that_began_anew_may_have_forgotten_is_not_taken_again(forget: str) -> None:
    with redis_running() as server:
        clock, now = Clock(), int(time.time())
        clock.now = datetime.fromtimestamp(now, UTC)
        client = server.client()
        door, seen = a_door(spent=RedisEphemeral(client), clock=clock), request(at=now)
        remembers(client, since=now - 360)
        assert await taken(door, seen)
        assert not await taken(door, seen)
        if forget == "flush":
            client.flushall()
        else:
            server.stop()
            server.start()
        RedisCounts(client).add({}, seconds=1)  # as every gateway does all the time
        for again in (seen, request(at=now), request(at=now + 300)):
            with pytest.raises(EphemeralUnavailable):
                await door.identity(*again)
        clock.now += timedelta(seconds=420)
        assert await taken(door, request(at=now + 420))  # what nobody can have used before
        with pytest.raises(EphemeralUnavailable):
            await door.identity(*request(at=now + 300))


async def test_an_app_made_after_redis_began_waits_for_nothing() -> None:
    with redis_running() as server:
        now = int(time.time())
        clock = Clock()
        clock.now = datetime.fromtimestamp(now, UTC)
        remembers(server.client(), since=now - 10)
        for seconds, fine in ((10, False), (6, False), (4, True)):
            apps = Apps(created_at=clock.now - timedelta(seconds=seconds))
            door = a_door(apps, RedisEphemeral(server.client()), clock)
            if fine:
                assert await taken(door, request(at=now))
                continue
            with pytest.raises(EphemeralUnavailable):
                await door.identity(*request(at=now))


async def test_what_redis_brings_back_from_a_disk_began_with_it() -> None:
    with redis_running() as server:
        client, now = server.client(), int(time.time())
        door = a_door(spent=RedisEphemeral(client), clock=lambda: datetime.fromtimestamp(now, UTC))
        client.hset(SINCE, "f" * 40, now - 1000)  # as another run of it wrote
        with pytest.raises(EphemeralUnavailable):
            await door.identity(*request(at=now))


async def test_where_nonces_cannot_be_remembered_nothing_is_taken() -> None:
    with redis_running() as server:
        remembers(server.client(), since=0)
        door = a_door(spent=RedisEphemeral(server.client()))
        assert await taken(door, request())
        server.stop()
        with pytest.raises(EphemeralUnavailable):
            await door.identity(*request())


async def test_an_app_is_looked_up_once_in_a_while_and_anew_after_a_change() -> None:
    apps = Apps()
    door = a_door(apps)
    assert await taken(door, request())
    assert await taken(door, request())
    assert apps.asked == 1
    apps.ended = True
    door.forget()
    assert not await taken(door, request())


async def test_an_app_that_ends_while_its_request_is_looked_at_is_refused() -> None:
    apps, spent = Apps(), Memory()
    door = a_door(apps, spent)

    def end() -> None:
        apps.ended = True
        door.forget()

    spent.held = end
    assert not await taken(door, request())


async def test_what_was_looked_up_before_a_change_is_not_kept_after_it() -> None:
    apps = Apps()
    door = a_door(apps)
    apps.held = door.forget  # the look-up read what was; then came the change
    looked = asyncio.create_task(taken(door, request()))
    await asyncio.wait({looked}, timeout=5)
    asked, apps.held = apps.asked, lambda: None
    assert await taken(door, request())
    assert apps.asked == asked + 1


DIGEST = (b"content-digest", digest_told(hashlib.sha256(b"x").digest()).encode())


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ((DIGEST,), {}),  # a digest, and no body to hold to it
        ((DIGEST, (b"content-length", b"0")), {}),
        (((b"content-length", b"2"),), {}),  # a body nobody signed
        (((b"transfer-encoding", b"chunked"),), {}),
        (((b"content-digest", b"md5=:AAAA:"), (b"content-length", b"2")), {}),
        (((b"content-encoding", b"gzip"),), {}),  # nobody signed how the bytes are to be read
        (((b"content-type", b"application/json"),), {}),
        ((), {"websocket": True}),
    ],
)  # fmt: skip
async def test_a_body_that_could_not_be_held_to_its_digest_is_refused(headers: Any, changes: dict[str, Any]) -> None:
    inbound, authorization = request()
    asked = replace(inbound, headers=(*inbound.headers, *headers), **changes)
    assert not await taken(a_door(), (asked, authorization))


async def test_behind_forward_auth_an_app_reads_and_writes_nothing() -> None:
    for method, fine in (("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False)):
        inbound, authorization = request(method=method)
        assert await taken(a_door(), (replace(inbound, listener=Listener.GATE), authorization)) == fine


@pytest.mark.parametrize("name", [b"authorization", b"content-digest", b"Authorization"])
def test_a_header_that_is_signed_by_stands_once(name: bytes) -> None:
    with pytest.raises(HeadersRefused):
        request(body=b"x", headers=((name, b"x"), (name, b"x")))


async def test_a_cookie_beside_a_signature_is_refused() -> None:
    inbound, _ = request(headers=((b"cookie", f"{COOKIE}={'A' * 43}".encode()),))
    nobody = SimpleNamespace(look_up=None)  # is not asked
    credentials = Credentials(nobody, None, a_door(), clock=Clock())  # type: ignore[arg-type]
    with pytest.raises(CredentialRejected):
        await authenticate(
            Matched(inbound=inbound, route=None, department="", object="", action="", label=3), credentials
        )  # type: ignore[arg-type]


class SlowForStrangers(Apps):
    """A register whose look-ups of what is unknown hang."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def find(self, key: str) -> AppHolder:
        if key != KEY:
            self.free.wait(5)
        return super().find(key)


def unknown(number: int, network: int) -> tuple[Inbound, str]:
    inbound, authorization = request()
    key = f"{100 * network + number:026d}"
    return replace(inbound, address=f"198.51.{network}.7"), authorization.replace(KEY, key)


async def flooded(door: Signed, networks: range) -> tuple[set[asyncio.Task[Any]], int]:
    """Who still waits, and how many were sent away at once, of 40 unknown keys from each network."""
    asked = [asyncio.create_task(door.identity(*unknown(n, network))) for network in networks for n in range(40)]
    done, seen = set[asyncio.Task[Any]](), -1
    while len(done) > seen or not done:  # until nobody else is sent away
        seen, (done, waiting) = len(done), await asyncio.wait(asked, timeout=0.3)
    assert {type(one.exception()).__name__ for one in done} == {"StorageUnavailable"}
    return waiting, len(done)


async def test_unknown_keys_crowd_out_nobody_who_signed_before_and_one_network_no_other() -> None:
    apps = SlowForStrangers()
    door = a_door(apps)
    assert await taken(door, request())
    waiting, away = await flooded(door, range(1))
    assert (len(waiting), away) == (16, 24)
    more, away = await flooded(door, range(1, 20))
    assert len(waiting) + len(more) == 128
    for _ in range(300):
        door.forget()  # so each is looked up anew
        assert await taken(door, request())
    apps.free.set()
    await asyncio.gather(*waiting, *more, return_exceptions=True)
    assert await taken(a_door(apps), request()), "and where it is new it is looked up like any other"


async def test_whoever_comes_at_once_with_one_key_is_looked_up_once() -> None:
    apps = Apps()
    apps.held = lambda: time.sleep(0.1)
    door = a_door(apps)
    assert await asyncio.gather(*(taken(door, request()) for _ in range(100))) == [True] * 100
    assert apps.asked == 1


async def test_of_keys_that_signed_before_no_more_wait_than_there_is_room() -> None:
    spent, free = Memory(), threading.Event()
    door = a_door(spent=spent)
    assert await taken(door, request())
    spent.held = lambda: free.wait(1.5) and None
    asked = [asyncio.create_task(door.identity(*request())) for _ in range(300)]
    done, waiting = await asyncio.wait(asked, timeout=0.5)
    assert len(done) == 300 - 256
    assert {type(one.exception()).__name__ for one in done} == {"StorageUnavailable"}
    free.set()
    await asyncio.gather(*waiting, return_exceptions=True)
