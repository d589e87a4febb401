"""Questions to the log: the index answers with leaf numbers, and a record is read only behind its proof."""

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from audit import event as events
from audit import index as indexes
from audit import merkle
from audit import record as records
from audit.checkpoint import Checkpoint
from audit.event import Event, timestamp
from audit.index import BLOCK
from audit.tiles import Tiles
from crypto.sign import VerifyingKey

PAGE_RECORDS = 100
_KEPT_NODES = 1 << 16  # 32 bytes each
_AFTER_ALL = "\U0010ffff"
_IN_BLOCK = "leaf >= :first AND leaf < :end"
_CONDITIONS = {
    "request": "id = :request",
    "person": "leaf IN (SELECT leaf FROM about WHERE block = :block AND person = :person)",
    "object": f"leaf / {BLOCK} = :block AND object >= :object AND object < :beyond",
    "kind": "kind = :kind",
    "result": "result = :result",
    "since": "at >= :since",
    "until": "at < :until",
}
# Of those asked for, the first here narrows most; SQLite, which knows nothing about the values, would guess.
_INDEXES = {"request": "INDEXED BY record_id", "person": "NOT INDEXED", "object": "INDEXED BY record_object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is searched for. An empty field asks nothing. `before_leaf` is the cursor of the page before."""

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
    """The leaf numbers of one page, newest first. `next` is the cursor of the next page, or None on the last."""

    leaves: tuple[int, ...]
    next: int | None
    covered: int  # the index knows the log up to here


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A record that is in the log, with what proves it."""

    event: Event
    leaf: int
    spool: str  # hexadecimal
    sequence: int
    record: bytes  # as stored
    path: tuple[bytes, ...]  # sibling hashes from the leaf up
    checkpoint: Checkpoint

    @property
    def leaf_hash(self) -> str:
        """The leaf's hash in hexadecimal."""
        return merkle.hash_leaf(self.record).hex()


def search(index: Path, query: Query) -> Page:
    """Return the page of leaves that answers `query`, from the index alone: every leaf must still be `read`.
    Raises sqlite3.Error.
    """
    if not index.exists():
        return Page(leaves=(), next=None, covered=0)
    with indexes.inspect(index) as connection:
        size = indexes.covered_size(connection)
        found = list(itertools.islice(_found(connection, query, size), query.limit + 1))
    leaves = tuple(found[: query.limit])
    return Page(leaves=leaves, next=leaves[-1] if len(found) > query.limit else None, covered=size)


def _found(connection: sqlite3.Connection, query: Query, size: int) -> Iterator[int]:
    """The leaves, newest first, out of one block of the index after the other."""
    values = {
        "request": query.request,
        "person": query.person,
        "object": query.object,
        "beyond": query.object + _AFTER_ALL,
        "result": query.result,
        "kind": query.kind,
        "since": timestamp(query.since) if query.since else "",
        "until": timestamp(query.until) if query.until else "",
    }
    asked = [_CONDITIONS[name] for name, value in values.items() if value and name in _CONDITIONS]
    index = next((_INDEXES[name] for name, value in values.items() if value and name in _INDEXES), "NOT INDEXED")
    where = " AND ".join([_IN_BLOCK, *asked])
    statement = f"SELECT leaf FROM record {index} WHERE {where} ORDER BY leaf DESC LIMIT {query.limit + 1}"  # noqa: S608 - fixed texts
    end = size if query.before_leaf is None else min(size, query.before_leaf)
    for block in indexes.blocks(connection, values, end) if end > 0 else ():
        bounds = {"block": block, "first": block * BLOCK, "end": min(end, (block + 1) * BLOCK)}
        yield from (leaf for (leaf,) in connection.execute(statement, values | bounds))


def read(log: Path, leaf: int, *, key: VerifyingKey, origin: str) -> Verified:
    """Return the record at `leaf`, decoded only after its inclusion under the signed checkpoint was checked.

    Raises ProofInvalid, CheckpointInvalid, LogUnreadable, RecordMalformed.
    """
    return Reader(Tiles(log), key=key, origin=origin).read(leaf)


class Reader:
    """Reads records under one checkpoint, each behind its proof. To make one raises CheckpointInvalid."""

    def __init__(self, tiles: Tiles, *, key: VerifyingKey, origin: str) -> None:
        self._tiles, self._checkpoint = tiles, tiles.checkpoint(key, origin)
        self._node = lru_cache(maxsize=_KEPT_NODES)(tiles.node(self._checkpoint.size))

    def covers(self, leaf: int) -> bool:
        """Return whether the log had a record at `leaf` when the checkpoint was signed."""
        return leaf < self._checkpoint.size

    def read(self, leaf: int) -> Verified:
        """Return the record at `leaf`. Raises ProofInvalid, LogUnreadable, RecordMalformed."""
        checkpoint = self._checkpoint
        path = merkle.inclusion_proof(leaf, checkpoint.size, self._node)
        stored = self._tiles.record(leaf, checkpoint.size)
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
