"""Engine for SQLite: the online backup of a live database, as it was at one moment, sealed in chunks.

The copy SQLite makes has no name from its first byte on: whoever kills us in the middle leaves no plaintext behind.
"""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from backup.engine import Examined, Files, Part
from backup.errors import EngineFailed, PartDamaged
from backup.sealed import SUFFIX, Vault
from crypto.stream import CHUNK_BYTES

_WAIT_SECONDS = 5.0  # for a writer; a reader of a WAL waits for nobody


class SqliteEngine:
    """Parts are whole database files."""

    name = "sqlite"

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def missing(self) -> str:
        """Nothing: SQLite comes with Python."""
        return ""

    def take(self, name: str, source: Path | Files, folder: Path) -> Part:
        """Snapshot, then seal; writers go on meanwhile. Raises EngineFailed, RepositoryFull, OSError."""
        if not isinstance(source, Path):
            raise EngineFailed(f"`{name}` is not a database file")
        path, seen, size = folder / (name.replace("/", "-") + SUFFIX), sha256(), 0
        with _snapshot(source) as (descriptor, counts), self._vault.writing(path, purpose=name) as sink:
            while chunk := os.read(descriptor, CHUNK_BYTES):
                seen.update(chunk)
                size += sink.write(chunk)
        return Part(
            name=name, engine=self.name, reference=path.name, bytes=size, digest=seen.hexdigest(), counts=counts
        )

    def restore(self, part: Part, folder: Path, into: Path) -> None:
        """Open it into `into`/NAME. Raises PartDamaged, OSError."""
        self._vault.copy(folder / part.reference, into / part.name, purpose=part.name, digest=part.digest)

    def forget(self, part: Part) -> None:
        """Everything is in the backup's own folder."""

    def examine(self, part: Part, into: Path, taken: datetime) -> Examined:
        """Whether SQLite finds the database whole, and its rows by table. Raises PartDamaged."""
        try:
            with contextlib.closing(_connect(into / part.name)) as connection:
                (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if said != "ok":
                    raise PartDamaged(f"`{part.name}`: SQLite says: {said}")
                return Examined(counts=_counts(connection), newest=taken)
        except sqlite3.Error as failure:
            raise PartDamaged(f"`{part.name}` is no database that answers: {failure}") from failure

    def abandon(self, into: Path) -> None:
        """SQLite runs in nobody but us."""


@contextlib.contextmanager
def _snapshot(source: Path) -> Iterator[tuple[int, dict[str, int]]]:
    """A descriptor of a nameless copy and its rows by table, both of one moment. Raises EngineFailed, OSError."""
    writing, place = tempfile.mkstemp(prefix=".snapshot-", dir=source.parent)
    try:
        copy = sqlite3.connect(place, isolation_level=None)
    finally:
        Path(place).unlink()
    try:
        with contextlib.closing(_connect(source)) as live, contextlib.closing(copy):
            copy.execute("PRAGMA synchronous = OFF")
            copy.execute("PRAGMA journal_mode = OFF")  # it would have a name
            live.execute("BEGIN")  # one read transaction for both: what is counted is what is copied
            counts = _counts(live)
            live.backup(copy)
        yield writing, counts
    except sqlite3.Error as failure:
        raise EngineFailed(f"`{source.name}` cannot be copied: {failure}") from failure
    finally:
        os.close(writing)


def _connect(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=rw"  # never made here
    return sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    counted = {}
    for (name,) in names:
        quoted = name.replace('"', '""')
        (counted[name],) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608 - a table's own name, quoted
    return counted
