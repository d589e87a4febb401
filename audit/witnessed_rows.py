"""What a record says of rows: the names and digests in its detail, by which rows and records are compared."""

from collections.abc import Mapping
from typing import NamedTuple

from audit.event import Event, EventKind
from storage.witness import is_witness

_KINDS = (EventKind.OUTCOME, EventKind.BOOTSTRAP)  # what was done, not what was permitted


class Last(NamedTuple):
    """Where the log speaks of one database row: the first leaf and the last."""

    key: str
    first: int
    last: int


def rows_in(event: Event) -> Mapping[str, str]:
    """Return what a record says of rows: a row's name → its digest, or `storage.witness.GONE`."""
    if event.kind not in _KINDS:
        return {}
    return {key: str(value) for key, value in event.detail.items() if is_witness(key, value)}
