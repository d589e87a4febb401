"""Why, and until when: what must be said of a role or a flow that is asked for, on the form and in the API alike."""

from collections.abc import Iterator
from datetime import datetime, timedelta

REASON_CHARS = 200
PRESET_DAYS, LONGEST_DAYS = 180, 366


def wrong_with_terms(*, reason: str, until: datetime | None, now: datetime) -> Iterator[dict[str, str]]:
    """What cannot be accepted, by field."""
    yield from wrong_with_reason(reason)
    yield from wrong_with_until(until, now=now, days=LONGEST_DAYS + 1)


def wrong_with_until(until: datetime | None, *, now: datetime, days: int) -> Iterator[dict[str, str]]:
    """What cannot be accepted as an end; None is what no date could be read from."""
    if until is None:
        yield {"field": "until", "code": "date-invalid"}
    elif until <= now:
        yield {"field": "until", "code": "date-past"}
    elif until > now + timedelta(days=days):
        yield {"field": "until", "code": "date-too-far"}


def wrong_with_reason(text: str, *, field: str = "reason") -> Iterator[dict[str, str]]:
    """What cannot be accepted as a reason: one line that every reader sees alike.

    No control, line or direction characters, no lone surrogates.
    """
    if not 0 < len(text) <= REASON_CHARS:
        yield {"field": field, "code": f"{field}-missing"}
    elif not text.isprintable():
        yield {"field": field, "code": f"{field}-invalid"}
