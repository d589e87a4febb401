"""Several gateways count together, over a real Redis; a gateway that hears nothing of it lets nobody through."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from audit.event import EventKind
from gateway.errors import LimitsUnavailable, RateExceeded
from gateway.limit import SIGN_INS_PER_MINUTE, UNKNOWN_SECONDS, Buckets
from storage.errors import EphemeralUnavailable
from storage.shared_counts import RedisCounts
from tests.gateway.door import open_door
from tests.gateway.raw_socket import SECONDS
from tests.stack.parts import Server, redis_client, redis_running, redis_server  # noqa: F401 - fixtures

LI, NETWORK = "user:li", "192.0.2.1"


@dataclass
class City:
    """Gateways that share one Redis, under one clock that is set by hand."""

    client: Redis
    now: datetime = datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)
    gateways: list[Buckets] = field(default_factory=list)

    def gateway(self, *, subject_per_minute: int = 100) -> Buckets:
        return Buckets(
            subject_per_minute=subject_per_minute,
            anonymous_per_minute=100,
            counts=RedisCounts(self.client),
            clock=lambda: self.now,
        )

    async def heard(self, *gateways: Buckets) -> None:
        """Each of them told and learnt twice, one after another."""
        with ThreadPoolExecutor(1) as pool:
            for one in gateways * 2:
                await one._exchange(pool)


@pytest.fixture
def city(redis_client: Redis) -> City:  # noqa: F811
    return City(redis_client)


def let_through(gateway: Buckets, *, tries: int, subject: str = LI, action: str = "read") -> int:
    through = 0
    for _ in range(tries):
        with contextlib.suppress(RateExceeded):
            gateway.take(subject, NETWORK, action)
            through += 1
    return through


async def test_what_one_gateway_counted_the_other_knows(city: City) -> None:
    one, other = city.gateway(), city.gateway()
    await city.heard(one, other)
    assert let_through(one, tries=60) == 60
    await city.heard(one, other)
    assert let_through(other, tries=1) == 1  # it learns of who asks here
    await city.heard(one, other)
    assert let_through(other, tries=100) == 39
    let_through(one, tries=1)
    await city.heard(other, one)
    assert let_through(one, tries=100) == 0
    assert let_through(one, tries=100, subject="user:wang") == 100


async def test_a_burst_at_all_gateways_at_once_passes_by_no_more_than_a_share_each(city: City) -> None:
    gateways = [city.gateway() for _ in range(3)]
    await city.heard(*gateways)
    assert sum(let_through(one, tries=500) for one in gateways) == 300
    await city.heard(*gateways)
    assert sum(let_through(one, tries=500) for one in gateways) == 0


async def test_passwords_from_one_network_are_bounded_over_all_gateways(city: City) -> None:
    one, other = city.gateway(subject_per_minute=1000), city.gateway(subject_per_minute=1000)
    await city.heard(one, other)
    assert let_through(one, tries=100, subject="user:a", action="sign-in") == 100
    let_through(other, tries=1, subject="user:b", action="sign-in")
    await city.heard(one, other)
    assert (
        let_through(other, tries=SIGN_INS_PER_MINUTE, subject="user:b", action="sign-in") == SIGN_INS_PER_MINUTE - 101
    )
    assert let_through(other, tries=10, subject="user:b") == 10


async def test_a_window_slides_over_the_minute_for_all_gateways(city: City) -> None:
    one, other = city.gateway(), city.gateway()
    await city.heard(one, other)
    let_through(one, tries=100)
    await city.heard(one)
    city.now += timedelta(seconds=45)  # a quarter into the next minute: three quarters of the last one count
    await city.heard(one, other)
    assert let_through(one, tries=100) == 25
    assert let_through(other, tries=1) == 1
    await city.heard(one, other)
    assert let_through(other, tries=100) == 0
    city.now += timedelta(minutes=2)
    await city.heard(one, other)
    assert let_through(one, tries=200) == 100


async def test_counts_are_forgotten_and_hold_no_name(city: City) -> None:
    one = city.gateway()
    await city.heard(one)
    for subject in (LI, "anonymous"):
        let_through(one, tries=1, subject=subject)
    await city.heard(one)
    keys = sorted(key.decode() for key in city.client.scan_iter("limit:*"))
    assert [key.split(":", 2)[2] for key in keys] == ["nobody 192.0.2.0/24", "subject user:li"]
    assert all(0 < city.client.ttl(key) <= 180 for key in keys)


@pytest.fixture
async def exchanging() -> AsyncIterator[tuple[Server, Buckets]]:
    """A gateway's own task, over a Redis that can be stopped."""
    with redis_running() as server:
        city = City(server.client())
        gateway = city.gateway()
        task = asyncio.create_task(gateway.exchange())
        yield server, gateway
        task.cancel()
        await asyncio.wait({task}, timeout=30)


async def until(gateway: Buckets, trouble: bool) -> None:
    async with asyncio.timeout(SECONDS):
        while bool(gateway.trouble()) is not trouble:  # noqa: ASYNC110 - it is the time that passes
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_gateway_that_hears_nothing_lets_nobody_through_until_it_does(
    exchanging: tuple[Server, Buckets], how: int
) -> None:
    server, gateway = exchanging
    with pytest.raises(LimitsUnavailable):
        gateway.take(LI, NETWORK, "read")  # before the first answer it knows nothing
    await until(gateway, trouble=False)
    assert let_through(gateway, tries=60) == 60
    await asyncio.sleep(0.6)
    (server.stop if how == signal.SIGKILL else server.send)(how)
    assert let_through(gateway, tries=10) == 10  # for two seconds nobody notices
    await until(gateway, trouble=True)
    with pytest.raises(LimitsUnavailable):
        gateway.take(LI, NETWORK, "read")
    if how == signal.SIGKILL:
        server.start()
        await until(gateway, trouble=False)
        (key,) = server.client().scan_iter("limit:*")
        assert int(server.client().get(key) or 0) == 10  # what could not be told is told, though nobody asks again
    if how == signal.SIGSTOP:
        server.send(signal.SIGCONT)
        await until(gateway, trouble=False)
        assert let_through(gateway, tries=100) in (
            20,
            30,
        )  # what it heard and could not answer is told, and counted, twice


async def test_counts_that_do_not_answer_are_unavailable_within_the_deadline(city: City) -> None:
    with redis_running() as server:
        counts = RedisCounts(server.client())
        assert counts.add({"a": 2, "b": 0}, seconds=60) == {"a": 2, "b": 0}
        assert counts.add({"a": 1, "b": 0}, seconds=60) == {"a": 3, "b": 0}
        server.stop(signal.SIGKILL)
        with pytest.raises(EphemeralUnavailable):
            counts.add({}, seconds=60)


async def test_the_door_answers_503_and_says_when_to_come_again(tmp_path: Path, city: City) -> None:
    async with open_door(tmp_path) as door:
        at = [0.0]
        buckets = Buckets(
            subject_per_minute=9, anonymous_per_minute=9, clock=lambda: door.now,
            counts=RedisCounts(city.client), monotonic=lambda: at[0],
        )  # fmt: skip
        object.__setattr__(door.gate, "buckets", buckets)
        await city.heard(buckets)
        assert (await door.ask("/public/1")).status == 200
        at[0] += UNKNOWN_SECONDS + 0.1
        answer = await door.ask("/public/1")
        assert answer.status == 503
        assert door.records(EventKind.REFUSAL)[-1].reason == "limits-unavailable"
        assert dict(answer.headers)[b"retry-after"] == b"1"
        assert len(door.heard) == 1


async def test_what_is_taken_back_waits_for_no_shared_count(city: City) -> None:
    gateway = city.gateway()
    for what in ("read", "role:assign", "sign-in"):
        with pytest.raises(LimitsUnavailable):
            gateway.take(LI, NETWORK, what)
    for ending in ("session:end", "role:revoke"):
        gateway.take(LI, NETWORK, ending)
