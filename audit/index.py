"""The search index: a SQLite file made from the log, which may be deleted at any time.

It answers with leaf numbers; nothing of it is shown before the leaf itself was checked (`search.read`). Everything that
is looked up stands in blocks of leaves: a new record changes only the pages of the newest block, however long the log
is, and a search looks into one block after the other, newest first.
"""

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from audit import event as events
from audit import record as records
from audit.errors import RecordMalformed
from audit.event import Event, timestamp
from audit.tiles import Tiles
from audit.witnessed_rows import Last, rows_in
from crypto.sign import VerifyingKey

Row = tuple[int, str, str, str, str, str]
BLOCK = 4096
_NO_ROW = ("", "", "", "", "")
_BATCH_RECORDS = 4096
_ROW = "row:"  # beside the people: what reconciliation asks for
_PERSON = re.compile(r"(?:user|service):[\w-]+")
_VERSION = 2  # a file of another one is made anew
_SCHEMA = f"""
BEGIN;
DROP TABLE IF EXISTS record;
DROP TABLE IF EXISTS about;
DROP TABLE IF EXISTS said;
DROP TABLE IF EXISTS covered;
CREATE TABLE record (leaf INTEGER PRIMARY KEY, at TEXT, id TEXT, kind TEXT, object TEXT, result TEXT) STRICT;
CREATE TABLE about (
  block INTEGER, person TEXT, leaf INTEGER, PRIMARY KEY (block, person, leaf), CHECK (block = leaf / {BLOCK})
) STRICT, WITHOUT ROWID;
CREATE TABLE covered (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER) STRICT;
CREATE INDEX record_id ON record (id);
CREATE INDEX record_object ON record (leaf / {BLOCK}, object);
CREATE TABLE said (
  block INTEGER, kind TEXT, result TEXT, since TEXT, until TEXT, PRIMARY KEY (block, kind, result)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_SUM_UP = f"""
INSERT INTO said
  SELECT leaf / {BLOCK}, kind, result, min(at), max(at) FROM record WHERE leaf >= ? GROUP BY 1, 2, 3
  ON CONFLICT DO UPDATE SET since = min(since, excluded.since), until = max(until, excluded.until)
"""  # noqa: S608 - fixed text


def row_of(leaf: int, event: Event) -> Row:
    """Return the row that the index keeps of the record at `leaf`."""
    return (
        leaf,
        timestamp(event.at),
        _storable(event.id),
        str(event.kind),
        _storable(event.object),
        _storable(event.result),
    )


def people_of(event: Event) -> frozenset[str]:
    """Return everybody a record is about (who acted, and who stands in its object or detail), and the name of every
    database row it speaks of.
    """
    told = [event.object, *[value for value in event.detail.values() if isinstance(value, str)]]
    named = {str(event.detail["person"])} if "person" in event.detail else set()
    rows = {_ROW + key for key in rows_in(event)}
    return frozenset(map(_storable, {event.subject, *named, *rows, *_PERSON.findall("\n".join(told))}))


def _storable(text: str) -> str:
    """SQLite takes no half of a surrogate pair, and a record that has one must not stop the others."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class Index:
    """The file, open in the one thread that writes it. If another file is put in its place, that one is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: os.stat_result | None = None
        self._covered = 0

    def close(self) -> None:
        """Close the file. `refresh` may be called again afterwards."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def refresh(self, tiles: Tiles, size: int) -> None:
        """Add the records that a log of `size` records has and the index lacks. Raises LogUnreadable, sqlite3.Error,
        OSError.

        An index that covers more than `size` belongs to another log and is made anew.
        """
        try:
            connection = self._opened()
            if self._covered != size:
                with connection:
                    _fill(connection, tiles, size)
                self._covered = size
        except BaseException:
            self.close()
            raise

    def _opened(self) -> sqlite3.Connection:
        same = self._file and self._path.exists() and os.path.samestat(self._file, self._path.stat())
        if self._connection and not same:
            self.close()
        if not self._connection:
            self._connection = sqlite3.connect(self._path, timeout=10)
            self._prepare(self._connection)
            self._file = self._path.stat()
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if _version(connection) != _VERSION:
            connection.executescript(_SCHEMA)
        self._covered = covered_size(connection)
        with connection:
            for table in ("record", "about"):  # rows beyond what is covered are nobody's work of ours
                connection.execute(f"DELETE FROM {table} WHERE leaf >= ?", (self._covered,))  # noqa: S608 - fixed names


def refresh(index: Path, *, log: Path, key: VerifyingKey, origin: str) -> int:
    """Bring the index up to the signed size of the log, and return that size.
    Raises AuditError, sqlite3.Error, OSError.
    """
    tiles = Tiles(log)
    size = tiles.checkpoint(key, origin).size
    with contextlib.closing(Index(index)) as one:
        one.refresh(tiles, size)
    return size


@contextlib.contextmanager
def inspect(index: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that reads the index as it is now, whatever is added meanwhile. It changes nothing.
    Raises sqlite3.Error.
    """
    connection = sqlite3.connect(f"{index.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        yield connection
    finally:
        connection.close()


def covered_size(connection: sqlite3.Connection) -> int:
    """Return up to which size of the log the index is complete; 0 for an index that is to be made anew."""
    if _version(connection) != _VERSION:
        return 0
    row = connection.execute("SELECT size FROM covered").fetchone()
    return int(row[0]) if row else 0


def read_rows(connection: sqlite3.Connection, begin: int, end: int) -> dict[int, tuple[Row, frozenset[str]]]:
    """Return, for each leaf from `begin` to `end` (excluded), the row the index has of it and the people it names."""
    people: dict[int, set[str]] = {}
    for person, leaf in connection.execute(
        "SELECT person, leaf FROM about WHERE block BETWEEN ? AND ? AND leaf BETWEEN ? AND ?",
        (begin // BLOCK, (end - 1) // BLOCK, begin, end - 1),
    ):
        people.setdefault(leaf, set()).add(person)
    rows = connection.execute("SELECT * FROM record WHERE leaf BETWEEN ? AND ?", (begin, end - 1))
    found = {row[0]: (row, frozenset(people.pop(row[0], ()))) for row in rows}
    return found | {leaf: ((leaf, *_NO_ROW), frozenset(rest)) for leaf, rest in people.items()}


def rows_spoken_of(connection: sqlite3.Connection) -> list[Last]:
    """Return, for every database row that some record speaks of, the first and the last leaf that do."""
    statement = """SELECT person, MIN(leaf), MAX(leaf) FROM about
                   WHERE block IN (SELECT DISTINCT block FROM said) AND person >= ? AND person < ? GROUP BY person"""
    found = connection.execute(statement, (_ROW, _ROW[:-1] + ";"))
    return [Last(str(name)[len(_ROW) :], int(first), int(last)) for name, first, last in found]


def outside(connection: sqlite3.Connection, size: int) -> list[int]:
    """Return the leaves in the index that a log of `size` records does not have, at most 100."""
    statement = """SELECT leaf FROM record WHERE leaf < 0 OR leaf >= :size
                   UNION SELECT leaf FROM about WHERE leaf < 0 OR leaf >= :size ORDER BY leaf LIMIT 100"""
    return [int(row[0]) for row in connection.execute(statement, {"size": size})]


def damages(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite itself finds wrong with the file, in its words; an empty list if nothing is."""
    return [row[0] for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]


def find_hidden_leaves(connection: sqlite3.Connection, leaves: Mapping[int, Event], block: int) -> list[int]:
    """Return those of a block's `leaves` that `blocks` would lead a search past: the index's summary of the block
    denies them.
    """
    statement = "SELECT kind, result, since, until FROM said WHERE block = ?"
    said = {(kind, result): (since, until) for kind, result, since, until in connection.execute(statement, (block,))}
    return [leaf for leaf, event in leaves.items() if not _is_said(event, said)]


def _is_said(event: Event, said: Mapping[tuple[str, str], tuple[str, str]]) -> bool:
    since, until = said.get((event.kind, event.result), ("", ""))
    return since <= timestamp(event.at) <= until


def blocks(connection: sqlite3.Connection, asked: Mapping[str, str], end: int) -> list[int]:
    """Return the numbers of the blocks that can have a record of the kind, result and time in `asked`, newest first, up
    to leaf `end` (excluded).
    """
    narrowed = {
        "kind": "kind = :kind",
        "result": "result = :result",
        "since": "until >= :since",
        "until": "since < :until",
    }
    where = " AND ".join(["block <= :last", *[text for name, text in narrowed.items() if asked.get(name)]])
    statement = f"SELECT DISTINCT block FROM said WHERE {where} ORDER BY block DESC"  # noqa: S608 - fixed texts
    return [int(row[0]) for row in connection.execute(statement, {**asked, "last": (end - 1) // BLOCK})]


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _fill(connection: sqlite3.Connection, tiles: Tiles, size: int) -> None:
    known = covered_size(connection)
    if known > size:
        connection.execute("DELETE FROM record")
        connection.execute("DELETE FROM about")
        connection.execute("DELETE FROM said")
        known = 0
    for begin in range(known, size, _BATCH_RECORDS):
        _add(connection, tiles.records(begin, min(begin + _BATCH_RECORDS, size)))
    connection.execute(_SUM_UP, (known,))
    connection.execute("INSERT OR REPLACE INTO covered VALUES (1, ?)", (size,))


def _add(connection: sqlite3.Connection, leaves: Iterable[tuple[int, bytes]]) -> None:
    rows, about = [], []
    for leaf, data in leaves:
        with contextlib.suppress(RecordMalformed):  # `verify` names it; there is nothing to search for
            event = events.parse(records.decode(data).event)
            rows.append(row_of(leaf, event))
            about += [(leaf // BLOCK, person, leaf) for person in people_of(event)]
    connection.executemany("INSERT INTO record VALUES (?,?,?,?,?,?)", rows)
    connection.executemany("INSERT INTO about VALUES (?,?,?)", about)
