"""Questions to the log: the index answers with leaf numbers, and a record is read only behind its proof."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audit import event as events
from audit import index as indexes
from audit import merkle
from audit import record as records
from audit.checkpoint import Checkpoint
from audit.event import Event, timestamp
from audit.tiles import Tiles
from crypto.sign import VerifyingKey

PAGE_RECORDS = 100
_AFTER_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked; an empty field asks nothing. Newest first, `before_leaf` is the cursor of the page before."""

    person: str = ""  # who acted, or whom the act was about
    object: str = ""  # this object and everything whose name begins with it
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    result: str = ""
    request: str = ""
    kind: str = ""
    before_leaf: int | None = None
    limit: int = PAGE_RECORDS

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= PAGE_RECORDS:
            raise ValueError(f"limit is not between 1 and {PAGE_RECORDS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Leaf numbers, newest first; `next` is the cursor of the next page, None on the last."""

    leaves: tuple[int, ...]
    next: int | None
    covered: int  # the index knows the log up to here


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A record that is in the log, and what proves it."""

    event: Event
    leaf: int
    spool: str  # hexadecimal
    sequence: int
    record: bytes  # as stored
    path: tuple[bytes, ...]  # sibling hashes from the leaf up
    checkpoint: Checkpoint

    @property
    def leaf_hash(self) -> str:
        """Hexadecimal."""
        return merkle.hash_leaf(self.record).hex()


def search(index: Path, query: Query) -> Page:
    """Answer `query` from the index; every leaf must still be `read`. Raises sqlite3.Error."""
    conditions = _conditions(query)
    about = "JOIN about ON about.leaf = record.leaf" if query.person else ""
    where = " AND ".join(conditions) or "TRUE"
    statement = f"SELECT record.leaf FROM record {about} WHERE {where} ORDER BY record.leaf DESC LIMIT ?"  # noqa: S608 - fixed texts
    with indexes.connect(index) as connection:
        rows = connection.execute(statement, (*conditions.values(), query.limit + 1)).fetchall()
        size = indexes.covered(connection)
    leaves = tuple(int(row[0]) for row in rows[: query.limit])
    return Page(leaves=leaves, next=leaves[-1] if len(rows) > query.limit else None, covered=size)


def read(log: Path, leaf: int, *, key: VerifyingKey, origin: str) -> Verified:
    """Return the record at `leaf`, decoded only after its inclusion under the signed checkpoint was checked.

    Raises ProofInvalid, CheckpointInvalid, LogUnreadable, RecordMalformed.
    """
    tiles = Tiles(log)
    checkpoint = tiles.checkpoint(key, origin)
    path = merkle.inclusion_proof(leaf, checkpoint.size, tiles.node(checkpoint.size))
    stored = tiles.record(leaf, checkpoint.size)
    merkle.check_inclusion(merkle.hash_leaf(stored), leaf, path, size=checkpoint.size, root=checkpoint.root)
    record = records.decode(stored)
    return Verified(
        event=events.decode(record.event),
        leaf=leaf,
        spool=record.spool.hex(),
        sequence=record.sequence,
        record=stored,
        path=tuple(path),
        checkpoint=checkpoint,
    )


def _conditions(query: Query) -> dict[str, str | int]:
    """SQL conditions with one parameter each."""
    asked: dict[str, str | int | None] = {
        "about.person = ?": query.person or None,
        "record.object >= ?": query.object or None,
        "record.object < ?": query.object + _AFTER_ALL if query.object else None,
        "record.at >= ?": timestamp(query.since) if query.since else None,
        "record.at < ?": timestamp(query.until) if query.until else None,
        "record.result = ?": query.result or None,
        "record.id = ?": query.request or None,
        "record.kind = ?": query.kind or None,
        "record.leaf < ?": query.before_leaf,
    }
    return {condition: value for condition, value in asked.items() if value is not None}
