"""Refusals before authentication: written one by one up to a rate, then summed a minute per address prefix."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from audit.event import Event, EventKind, timestamp

RECORDS_PER_SECOND = 20
PREFIXES = 4096
PERIOD = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_OTHERS = "others"  # one more bucket for all prefixes that found no place


@dataclass(slots=True, kw_only=True)
class _Bucket:
    second: datetime  # begin of the running second
    written: int = 0  # in that second
    counted: int = 0
    since: datetime | None = None  # the first counted one


@lru_cache(maxsize=PREFIXES)
def prefix_of(address: str) -> str:
    """Return the /24 (IPv4) or /48 (IPv6) around `address`, or "unknown" if it is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    length = 24 if isinstance(parsed, ipaddress.IPv4Address) else 48
    return str(ipaddress.ip_network((parsed.packed, length), strict=False))


class Flood:
    """Decides which refusals get a record of their own. For one thread alone."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, address: str, now: datetime) -> str:
        """Return "write" if a refusal of `address` gets a record of its own at `now`, or "count" once its prefix had 20
        in this second.
        """
        prefix = prefix_of(address)
        if prefix not in self._buckets and len(self._buckets) >= PREFIXES:
            prefix = _OTHERS
        bucket = self._buckets.setdefault(prefix, _Bucket(second=now))
        if not timedelta(0) <= now - bucket.second < _SECOND:
            bucket.second, bucket.written = now, 0
        if bucket.written < RECORDS_PER_SECOND:
            bucket.written += 1
            return "write"
        bucket.counted += 1
        bucket.since = bucket.since or now
        return "count"

    def due(self, now: datetime, *, everything: bool = False) -> list[Event]:
        """Return one `counted` event for each prefix whose minute is over, and forget prefixes that fell silent.
        `everything`, before a process ends, returns those of minutes that still run too.
        """
        events = []
        for prefix, bucket in list(self._buckets.items()):
            if bucket.since and (everything or now - bucket.since >= PERIOD):
                events.append(_counted(prefix, bucket.counted, bucket.since, now))
                bucket.counted, bucket.since = 0, None
            if not bucket.since and now - bucket.second >= PERIOD:
                del self._buckets[prefix]
        return events


def _counted(prefix: str, count: int, since: datetime, now: datetime) -> Event:
    return Event(
        id=f"flood:{prefix}:{timestamp(since)}",
        kind=EventKind.COUNTED,
        at=now,
        subject="anonymous",
        result="refused",
        reason="flood",
        detail={"prefix": prefix, "count": count, "since": timestamp(since)},
    )
