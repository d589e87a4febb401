"""The search index: a SQLite file made from the log, which may be deleted at any time.

It answers with leaf numbers; nothing of it is shown before the leaf itself was checked (`search.read`).
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from audit import event as events
from audit import record as records
from audit.errors import RecordMalformed
from audit.event import Event, timestamp
from audit.tiles import Tiles
from crypto.sign import VerifyingKey

Row = tuple[int, str, str, str, str, str, str, str, str, int, int]
_NO_ROW = ("", "", "", "", "", "", "", "", -1, -1)
_BATCH_RECORDS = 4096
_PERSON = re.compile(r"(?:user|service):[\w-]+")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
  leaf INTEGER PRIMARY KEY, at TEXT, id TEXT, kind TEXT, subject TEXT, department TEXT, object TEXT, action TEXT,
  result TEXT, status INTEGER, label INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS about (person TEXT, leaf INTEGER, PRIMARY KEY (person, leaf)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS covered (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS about_leaf ON about (leaf);
CREATE INDEX IF NOT EXISTS record_at ON record (at);
CREATE INDEX IF NOT EXISTS record_id ON record (id);
CREATE INDEX IF NOT EXISTS record_object ON record (object);
CREATE INDEX IF NOT EXISTS record_result ON record (result);
CREATE INDEX IF NOT EXISTS record_kind ON record (kind);
"""


def row_of(leaf: int, event: Event) -> Row:
    """What the index says of a record."""
    return (
        leaf,
        timestamp(event.at),
        event.id,
        str(event.kind),
        event.subject,
        event.department,
        event.object,
        event.action,
        event.result,
        event.status,
        event.label,
    )


def people_of(event: Event) -> frozenset[str]:
    """Everybody a record is about: who acted, and who stands in its object or its detail."""
    told = [event.object, *(value for value in event.detail.values() if isinstance(value, str))]
    named = {str(event.detail["person"])} if "person" in event.detail else set()
    return frozenset({event.subject, *named, *(person for text in told for person in _PERSON.findall(text))})


@contextlib.contextmanager
def connect(index: Path) -> Iterator[sqlite3.Connection]:
    """Open the index for one transaction. Raises sqlite3.Error."""
    connection = sqlite3.connect(index, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
        with connection:
            yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def inspect(index: Path) -> Iterator[sqlite3.Connection]:
    """Open the index without changing it. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{index.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def refresh(index: Path, *, log: Path, key: VerifyingKey, origin: str) -> int:
    """Add what the log has beyond the index; return the size it covers now. Raises AuditError, sqlite3.Error.

    An index that covers more than the log belongs to another log and is made anew.
    """
    tiles = Tiles(log)
    size = tiles.checkpoint(key, origin).size
    with connect(index) as connection:
        known = covered(connection)
        if known == size:
            return size
        if known > size:
            connection.execute("DELETE FROM record")
            connection.execute("DELETE FROM about")
            known = 0
        for table in ("record", "about"):  # rows beyond what is covered are nobody's work of ours
            connection.execute(f"DELETE FROM {table} WHERE leaf >= ?", (known,))  # noqa: S608 - fixed names
        for begin in range(known, size, _BATCH_RECORDS):
            _add(connection, tiles.records(begin, min(begin + _BATCH_RECORDS, size)))
        connection.execute("INSERT OR REPLACE INTO covered VALUES (1, ?)", (size,))
    return size


def covered(connection: sqlite3.Connection) -> int:
    """The size of the log up to which the index is complete."""
    row = connection.execute("SELECT size FROM covered").fetchone()
    return int(row[0]) if row else 0


def stored(connection: sqlite3.Connection, begin: int, end: int) -> dict[int, tuple[Row, frozenset[str]]]:
    """What the index says of the leaves from `begin` to `end`."""
    people: dict[int, set[str]] = {}
    for person, leaf in connection.execute(
        "SELECT person, leaf FROM about WHERE leaf BETWEEN ? AND ?", (begin, end - 1)
    ):
        people.setdefault(leaf, set()).add(person)
    rows = connection.execute("SELECT * FROM record WHERE leaf BETWEEN ? AND ?", (begin, end - 1))
    found = {row[0]: (row, frozenset(people.pop(row[0], ()))) for row in rows}
    return found | {leaf: ((leaf, *_NO_ROW), frozenset(rest)) for leaf, rest in people.items()}


def outside(connection: sqlite3.Connection, size: int) -> list[int]:
    """Leaves of rows that no record of a log of `size` has; at most 100."""
    statement = """SELECT leaf FROM record WHERE leaf < 0 OR leaf >= :size
                   UNION SELECT leaf FROM about WHERE leaf < 0 OR leaf >= :size ORDER BY leaf LIMIT 100"""
    return [int(row[0]) for row in connection.execute(statement, {"size": size})]


def damages(connection: sqlite3.Connection) -> list[str]:
    """What SQLite itself finds wrong with the file."""
    return [row[0] for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]


def _add(connection: sqlite3.Connection, leaves: Iterable[tuple[int, bytes]]) -> None:
    rows, about = [], []
    for leaf, data in leaves:
        with contextlib.suppress(RecordMalformed):  # `verify` names it; there is nothing to search for
            event = events.decode(records.decode(data).event)
            rows.append(row_of(leaf, event))
            about += [(person, leaf) for person in people_of(event)]
    connection.executemany("INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
    connection.executemany("INSERT INTO about VALUES (?,?)", about)
