"""A request that an app signed counts once: at one gateway, at several, and where a memory may have forgotten it."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from gateway.errors import RateExceeded
from storage.database import Database
from storage.ephemeral import DatabaseEphemeral, Ephemeral
from storage.errors import EphemeralUnavailable
from storage.redis_stores import SINCE, RedisEphemeral
from storage.shared_counts import RedisCounts
from tests.gateway.signing import KEY, NOW, Apps, Clock, Memory, a_door, request, taken
from tests.stack.parts import redis_running


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
