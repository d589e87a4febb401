"""Floods of refusals cost a bounded number of records and bytes."""

from datetime import timedelta

import pytest

from audit.flood import PREFIXES, Flood, prefix_of
from tests.audit.city import NOW


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_addresses_fall_into_their_prefix(address: str, prefix: str) -> None:
    assert prefix_of(address) == prefix


def test_above_the_rate_refusals_are_counted_and_told_once_a_minute() -> None:
    flood = Flood()
    answers = [flood.admit(f"192.0.2.{n}", NOW) for n in range(50)]
    assert answers == ["write"] * 20 + ["count"] * 30
    assert flood.admit("198.51.100.1", NOW) == "write"
    assert flood.admit("192.0.2.1", NOW + timedelta(seconds=1)) == "write"
    assert flood.due(NOW + timedelta(seconds=59)) == []
    (told,) = flood.due(NOW + timedelta(seconds=60))
    assert (told.detail["prefix"], told.detail["count"], told.kind) == ("192.0.2.0/24", 30, "counted")
    assert flood.due(NOW + timedelta(seconds=120)) == []


def test_nothing_counted_is_lost_at_the_end() -> None:
    flood = Flood()
    for _ in range(25):
        flood.admit("192.0.2.1", NOW)
    assert [told.detail["count"] for told in flood.due(NOW, everything=True)] == [5]


def test_a_flood_from_everywhere_stays_bounded_and_is_counted_together() -> None:
    flood = Flood()
    written = sum(flood.admit(f"2001:db8:{n:x}::1", NOW) == "write" for n in range(PREFIXES * 3))
    assert written == PREFIXES + 20
    told = flood.due(NOW + timedelta(minutes=1))
    assert [(one.detail["prefix"], one.detail["count"]) for one in told] == [("others", PREFIXES * 2 - 20)]
    assert flood.admit("2001:db8:ffff::1", NOW + timedelta(minutes=2)) == "write"


def test_a_clock_that_jumps_back_does_not_close_the_gate() -> None:
    flood = Flood()
    for _ in range(20):
        flood.admit("192.0.2.1", NOW)
    assert flood.admit("192.0.2.1", NOW - timedelta(hours=1)) == "write"
