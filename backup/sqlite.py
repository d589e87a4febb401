"""Engine for SQLite: a live database of one moment, sealed straight from its file, with no copy between.

A checkpoint goes no further than where the oldest reader began (https://sqlite.org/wal.html#ckpt). So once the WAL up
to where *we* began stands in the file, nobody writes to the file until we end; writers go on in the WAL.
"""

import contextlib
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from backup.engine import BackupPart, Examination, Files
from backup.errors import EngineFailed, PartDamaged
from backup.sealed_files import SUFFIX, Vault
from crypto.stream import CHUNK_BYTES

_WAIT_SECONDS = 5.0  # for a lock
_READERS_SECONDS, _LOOK_SECONDS = 60.0, 0.01  # for readers who began before something that is still in the WAL


class SqliteEngine:
    """Its parts are whole database files."""

    name = "sqlite"

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def what_is_missing(self) -> str:
        """Return "": SQLite comes with Python."""
        return ""

    def take(self, name: str, source: Path | Files, folder: Path) -> BackupPart:
        """Count the rows and seal the file while it stands still; writers go on in the WAL. Return the part. Raises
        EngineFailed, RepositoryFull, OSError.
        """
        if not isinstance(source, Path):
            raise EngineFailed(f"`{name}` is not a database file")
        path, seen = folder / (name.replace("/", "-") + SUFFIX), sha256()
        with _standing_still(source) as (size, counts), self._vault.new_file(path, purpose=name) as sink:
            for chunk in _read(source, size):
                seen.update(chunk)
                sink.write(chunk)
        return BackupPart(
            name=name, engine=self.name, reference=path.name, bytes=size, digest=seen.hexdigest(), counts=counts
        )

    def restore(self, part: BackupPart, folder: Path, into: Path) -> None:
        """Open the part into the file `into`/NAME. Raises PartDamaged, OSError."""
        self._vault.copy(folder / part.reference, into / part.name, purpose=part.name, digest=part.digest)

    def forget(self, part: BackupPart) -> None:
        """Do nothing: everything is in the backup's own folder."""

    def examine(self, part: BackupPart, into: Path, taken: datetime) -> Examination:
        """Check that SQLite finds the database whole, and return its rows by table. Raises PartDamaged."""
        try:
            with contextlib.closing(_connect(into / part.name)) as connection:
                (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if said != "ok":
                    raise PartDamaged(f"`{part.name}`: SQLite says: {said}")
                return Examination(counts=_counts(connection), newest=taken)
        except sqlite3.Error as failure:
            raise PartDamaged(f"`{part.name}` is no database that answers: {failure}") from failure

    def abandon(self, into: Path) -> None:
        """Do nothing: SQLite runs in no process but ours."""


@contextlib.contextmanager
def _standing_still(source: Path) -> Iterator[tuple[int, dict[str, int]]]:
    """Its bytes and its rows by table, both of one moment, at which the file stays until the block ends.

    Raises EngineFailed.
    """
    try:
        with contextlib.closing(_connect(source)) as live, contextlib.closing(_connect(source)) as other:
            _begin(live, other)
            (pages,), (page_bytes,) = (live.execute(f"PRAGMA page_{what}").fetchone() for what in ("count", "size"))
            yield pages * page_bytes, _counts(live)
    except sqlite3.Error as failure:
        raise EngineFailed(f"`{source.name}` cannot be copied: {failure}") from failure


def _begin(live: sqlite3.Connection, other: sqlite3.Connection) -> None:
    """Let `live` read as of a moment up to which `other` brings everything into the file."""
    until = time.monotonic() + _READERS_SECONDS
    while True:
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        busy, written, moved = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not busy and written == moved:  # `written` when it began, so no less than when `live` did
            return
        live.execute("ROLLBACK")  # somebody wrote in between, or began to read before
        if time.monotonic() > until:
            raise sqlite3.OperationalError("somebody has been reading it all the time")
        time.sleep(_LOOK_SECONDS)


def _read(source: Path, size: int) -> Iterator[bytes]:
    """The first `size` bytes of the file, read by another process. Raises EngineFailed.

    Closing it in this one would let go of SQLite's locks on it here (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    command = ["dd", f"if={source.absolute()}", "bs=1M", f"count={size}", "iflag=count_bytes", "status=none"]
    rest = size
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pipesize=CHUNK_BYTES) as reading:
        while reading.stdout and (chunk := reading.stdout.read(CHUNK_BYTES)):
            rest -= len(chunk)
            yield chunk
    if reading.returncode or rest:
        raise EngineFailed(f"`{source.name}` could not be read to its end")


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
