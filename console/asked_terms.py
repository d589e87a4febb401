"""What a role assignment must look like when it is asked for, on the form and in the API alike."""

from collections.abc import Iterator
from datetime import datetime, timedelta

REASON_CHARS = 200
PRESET_DAYS, LONGEST_DAYS = 180, 366


def wrong_with(*, reason: str, until: datetime, now: datetime) -> Iterator[dict[str, str]]:
    """What cannot be accepted, by field.

    A reason is one line that every reader sees alike: no control, line or direction characters, no lone surrogates.
    """
    if not 0 < len(reason) <= REASON_CHARS:
        yield {"field": "reason", "code": "reason-missing"}
    elif not reason.isprintable():
        yield {"field": "reason", "code": "reason-invalid"}
    if until <= now:
        yield {"field": "until", "code": "date-past"}
    elif until > now + timedelta(days=LONGEST_DAYS + 1):
        yield {"field": "until", "code": "date-too-far"}
