"""What a flow must look like when it is asked for, on a form and in the API alike."""

from collections.abc import Collection, Iterator
from datetime import datetime

from console.shell.terms import wrong_with_terms
from infra.zone import Way, wrong_with_flow


def read_way(from_zone: str, to_zone: str, protocol: str, port: str) -> tuple[Way | None, list[dict[str, str]]]:
    """Return the way that a path or a form names, or None and what is wrong with it, by field."""
    errors = list(wrong_with_flow(from_zone=from_zone, to_zone=to_zone, protocol=protocol, port=port))
    return (None, errors) if errors else (Way(from_zone, to_zone, protocol, int(port)), [])


def wrong_with_flow_terms(
    *, owner: str, reason: str, until: datetime | None, departments: Collection[str], now: datetime
) -> Iterator[dict[str, str]]:
    """Yield what cannot be accepted, by field."""
    yield from wrong_with_terms(reason=reason, until=until, now=now)
    if owner not in departments:
        yield {"field": "owner", "code": "owner-unknown"}
