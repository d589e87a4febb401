"""Nobody asks faster than allowed, and a flood is a few records."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.event import EventKind
from audit.flood import RECORDS_PER_SECOND
from gateway.errors import RateExceeded
from gateway.limit import SIGN_INS_PER_MINUTE, Buckets
from gateway.refuse import write_counted
from tests.gateway.door import GatewayDoor, header, open_door

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


async def test_too_many_requests_of_one_subject_are_429_and_say_when_to_come_again(tmp_path: Path) -> None:
    async with open_door(tmp_path, subject_per_minute=3) as door:
        cookie = door.sign_in()
        answers = [await door.ask("/low/1", cookie=cookie) for _ in range(5)]
        assert [one.status for one in answers] == [200, 200, 200, 429, 429]
        assert header(answers[-1], b"retry-after") == "10"
        assert (await door.ask("/low/1", (b"authorization", door.key("user:wang")))).status == 403


async def test_nobodys_limit_counts_a_whole_prefix(tmp_path: Path) -> None:
    async with open_door(tmp_path, anonymous_per_minute=2) as door:
        statuses = [(await door.ask("/public/1", peer=f"192.0.2.{n}")).status for n in range(4)]
        assert statuses == [200, 200, 429, 429]
        assert (await door.ask("/public/1", peer="198.51.100.1")).status == 200


def test_passwords_from_one_network_are_bounded_and_nothing_else_with_them() -> None:
    buckets = Buckets(subject_per_minute=10_000, anonymous_per_minute=10_000, clock=lambda: NOW)
    for number in range(SIGN_INS_PER_MINUTE):
        buckets.take("anonymous", f"192.0.2.{number % 250}", "sign-in")
    with pytest.raises(RateExceeded):
        buckets.take("anonymous", "192.0.2.251", "sign-in")
    buckets.take("anonymous", "192.0.2.251", "read")
    buckets.take("anonymous", "198.51.100.1", "sign-in")


async def test_refusals_of_nobody_above_a_rate_become_one_counted_record(door: GatewayDoor) -> None:
    for _ in range(RECORDS_PER_SECOND + 30):
        assert (await door.ask("/nowhere")).status == 404
    assert len(door.records(EventKind.REFUSAL)) == RECORDS_PER_SECOND
    await write_counted(door.gate.refusals)
    assert not door.records(EventKind.COUNTED)
    door.now += timedelta(minutes=2)
    await write_counted(door.gate.refusals)
    (counted,) = door.records(EventKind.COUNTED)
    assert counted.detail["count"] == 30


async def test_somebody_who_asks_too_fast_cannot_fill_the_spool_either(tmp_path: Path) -> None:
    async with open_door(tmp_path, subject_per_minute=1) as door:
        cookie = door.sign_in()
        for _ in range(RECORDS_PER_SECOND + 30):
            await door.ask("/low/1", cookie=cookie)
        assert len(door.records(EventKind.REFUSAL)) == RECORDS_PER_SECOND


async def test_every_denial_of_somebody_is_a_record_of_its_own(door: GatewayDoor) -> None:
    cookie = door.sign_in("user:wang")
    for _ in range(RECORDS_PER_SECOND + 5):
        assert (await door.ask("/low/1", cookie=cookie)).status == 403
    assert len(door.records(EventKind.REFUSAL)) == RECORDS_PER_SECOND + 5
