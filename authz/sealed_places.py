"""Where this package keeps what the platform sealed: parked requests, and what a second person said of them."""

from collections.abc import Sequence

from authz import park
from authz.store import parked
from crypto.reseal import Column, SealedPlace
from storage.database import Database


def sealed_places(database: Database) -> Sequence[SealedPlace]:
    """Return both columns of parked requests."""
    return (
        Column(database, parked.c.sealed, purpose=lambda row: park.purpose_of(dict(row))),
        Column(database, parked.c.approval, purpose=park.approval_purpose),
    )
