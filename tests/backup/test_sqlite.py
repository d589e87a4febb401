"""SQLite under load: one moment of it is kept, sealed, with nothing in the clear beside it."""

import os
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup import sqlite
from backup.engine import BackupPart
from backup.errors import BackupError, EngineFailed, PartDamaged
from backup.sealed_files import Vault
from backup.sqlite import SqliteEngine
from crypto.aead import Seal
from tests.bounds import join_in_time

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENGINE = SqliteEngine(Vault(Seal(b"k" * 32)))


@pytest.fixture
def live(tmp_path: Path) -> Path:
    path = tmp_path / "live" / "city.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for name in ("given", "taken", 'odd "name'):
            quoted = name.replace('"', '""')
            connection.execute(f'CREATE TABLE "{quoted}" (id INTEGER PRIMARY KEY, text TEXT)')
    return path


@contextmanager
def writing(path: Path) -> Iterator[list[int]]:
    """A writer that puts a row into both tables in each transaction, until the end of the block."""
    over, done = threading.Event(), [0]

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
            while not over.is_set():
                connection.execute("BEGIN IMMEDIATE")
                for name in ("given", "taken"):
                    connection.execute(f"INSERT INTO {name} (text) VALUES (?)", ("canary-in-the-clear" * 50,))
                connection.execute("COMMIT")
                done[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        join_in_time(thread)


def folder(tmp_path: Path, name: str = "backup") -> Path:
    place = tmp_path / name
    place.mkdir()
    return place


def test_under_a_writer_one_moment_is_kept_and_the_writer_goes_on(live: Path, tmp_path: Path) -> None:
    with writing(live) as done:
        while done[0] < 50:
            pass
        before = done[0]
        parts = [ENGINE.take("city.db", live, folder(tmp_path, str(number))) for number in range(5)]
        assert done[0] > before
    for number, part in enumerate(parts):
        into = tmp_path / f"into-{number}"
        ENGINE.restore(part, tmp_path / str(number), into)
        seen = ENGINE.examine(part, into, NOW)
        assert seen.counts == part.counts
        assert seen.counts["given"] == seen.counts["taken"] >= before
        assert seen.counts['odd "name'] == 0


def test_while_every_commit_goes_into_the_file_at_once_no_page_is_of_another_moment(live: Path, tmp_path: Path) -> None:
    """Rows on many pages, and a writer who moves what they hold from one to another and never lets the WAL grow."""
    rows, over, moved = 3000, threading.Event(), [0]
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("CREATE TABLE held (id INTEGER PRIMARY KEY, much INTEGER, filling BLOB)")
        filled = ((number, 1, os.urandom(3000)) for number in range(rows))
        connection.executemany("INSERT INTO held VALUES (?, ?, ?)", filled)
        connection.commit()

    def move() -> None:
        with closing(sqlite3.connect(live, timeout=10, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 1")
            while not over.is_set():
                one, other = (random.randrange(rows) for _ in range(2))
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("UPDATE held SET much = much - 1 WHERE id = ?", (one,))
                connection.execute("UPDATE held SET much = much + 1 WHERE id = ?", (other,))
                connection.execute("COMMIT")
                moved[0] += 1

    thread = threading.Thread(target=move)
    thread.start()
    try:
        for number in range(8):
            part = ENGINE.take("city.db", live, folder(tmp_path, str(number)))
            ENGINE.restore(part, tmp_path / str(number), into := tmp_path / f"into-{number}")
            assert ENGINE.examine(part, into, NOW).counts == part.counts
            with closing(sqlite3.connect(into / "city.db")) as restored:
                assert restored.execute("SELECT sum(much) FROM held").fetchone() == (rows,)
        assert moved[0] > 8
    finally:
        over.set()
        join_in_time(thread)


def test_somebody_who_reads_all_the_time_is_said(live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_READERS_SECONDS", 0.1)
    with closing(sqlite3.connect(live, isolation_level=None)) as reader, closing(sqlite3.connect(live)) as writer:
        writer.execute("INSERT INTO given (text) VALUES ('a')")
        writer.commit()
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM given").fetchall()
        writer.execute("INSERT INTO given (text) VALUES ('b')")
        writer.commit()
        with pytest.raises(EngineFailed, match="reading"):
            ENGINE.take("city.db", live, folder(tmp_path))
        reader.execute("COMMIT")
        assert ENGINE.take("city.db", live, folder(tmp_path, "second")).counts["given"] == 2


def test_nothing_in_the_clear_is_left_beside_the_database_or_in_the_repository(live: Path, tmp_path: Path) -> None:
    with writing(live) as done:
        while done[0] < 5:
            pass
    beside = {path.name for path in live.parent.iterdir()}
    place = folder(tmp_path)
    ENGINE.take("city.db", live, place)
    assert {path.name for path in live.parent.iterdir()} <= beside | {"city.db-wal", "city.db-shm"}
    assert [path.name for path in place.iterdir()] == ["city.db.sealed"]
    assert b"canary-in-the-clear" not in (place / "city.db.sealed").read_bytes()
    assert (place / "city.db.sealed").stat().st_mode & 0o077 == 0 or os.umask(0o022) is not None


def test_a_database_that_is_none_fails_and_leaves_no_part(tmp_path: Path) -> None:
    (tmp_path / "city.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(EngineFailed, match=r"city\.db"):
        ENGINE.take("city.db", tmp_path / "city.db", folder(tmp_path))
    with pytest.raises(EngineFailed):
        ENGINE.take("city.db", tmp_path / "missing.db", folder(tmp_path, "second"))


def test_a_part_under_another_name_or_key_does_not_open(live: Path, tmp_path: Path) -> None:
    place = folder(tmp_path)
    part = ENGINE.take("city.db", live, place)
    other = BackupPart(
        name="issuer.db", engine="sqlite", reference=part.reference, bytes=part.bytes, digest=part.digest
    )
    for engine, asked in ((ENGINE, other), (SqliteEngine(Vault(Seal(b"w" * 32))), part)):
        with pytest.raises(PartDamaged):
            engine.restore(asked, place, tmp_path / f"into-{asked.name}")


def test_a_restore_overwrites_nothing(live: Path, tmp_path: Path) -> None:
    place = folder(tmp_path)
    part = ENGINE.take("city.db", live, place)
    (tmp_path / "into").mkdir()
    (tmp_path / "into/city.db").write_text("here already")
    with pytest.raises((BackupError, FileExistsError)):
        ENGINE.restore(part, place, tmp_path / "into")
    assert (tmp_path / "into/city.db").read_text() == "here already"
