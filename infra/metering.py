"""Hours of machines out of the rows that say when each changed its state; pure.

CPU and memory cost while a machine runs, disk while it exists. What the rows do not say did not happen: a machine
costs from when the hypervisor confirmed it until it confirmed the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from audit.city_time import CITY_TIME
from infra.quota import Size

_HAS_DISK = ("running", "stopped")


class StateChange(NamedTuple):
    """From `at` on the machine was in `state`."""

    at: datetime
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCost:
    """Whole seconds times the size: 3600 of `cpu_seconds` are one CPU for an hour."""

    running_seconds: int
    cpu_seconds: int
    memory_gib_seconds: int
    disk_gib_seconds: int


def meter(changes: Iterable[StateChange], size: Size, *, since: datetime, until: datetime) -> MachineCost:
    """Return what one machine cost between two moments; `changes` oldest first."""
    running, existing = timedelta(), timedelta()
    steps = list(changes)
    for at, (begun, state) in enumerate(steps):
        ended = steps[at + 1].at if at + 1 < len(steps) else until
        within = max(min(ended, until) - max(begun, since), timedelta())
        running += within if state == "running" else timedelta()
        existing += within if state in _HAS_DISK else timedelta()
    ran, had = running // timedelta(seconds=1), existing // timedelta(seconds=1)
    return MachineCost(
        running_seconds=ran,
        cpu_seconds=ran * size.cpu,
        memory_gib_seconds=ran * size.memory_gib,
        disk_gib_seconds=had * size.disk_gib,
    )


def month(text: str, *, now: datetime) -> tuple[datetime, datetime, bool]:
    """Return beginning and end of "2026-11" in city time, no later than `now`, and whether it is over.

    Raises ValueError for what is no month, or has not begun.
    """
    if not text.isascii() or len(text) != len("2026-11"):
        raise ValueError("no month")
    begin = datetime.strptime(text, "%Y-%m").replace(tzinfo=CITY_TIME)
    end = (begin + timedelta(days=32)).replace(day=1)
    if begin > now:
        raise ValueError("it has not begun")
    return begin, min(end, now), end <= now
