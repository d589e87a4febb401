"""pgBackRest on a real PostgreSQL: what comes back is counted, is the latest, and nothing wrong is called a success."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from backup.engine import BackupPart
from backup.errors import BackupError, EngineFailed, EngineMissing, PartDamaged
from backup.pgbackrest import PgBackRest
from storage.database import Database
from tests.backup.archived_postgres import ArchivedPostgres, archived_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[ArchivedPostgres]:
    with archived_postgres() as ready:
        yield ready


@pytest.fixture
def database(server: ArchivedPostgres) -> Iterator[Database]:
    ready = Database(server.url)
    yield ready
    ready.close()


@pytest.fixture
def into(server: ArchivedPostgres) -> Iterator[Path]:
    place = server.place / "scratch" / "drill-1"
    place.mkdir(parents=True)
    yield place
    shutil.rmtree(place.parent)


def _now() -> datetime:
    return datetime.now(UTC)


def _rows(database: Database, count: int) -> None:
    with database.transaction() as connection:
        for number in range(count):
            connection.execute(sa.text("INSERT INTO ephemeral VALUES (:k, '', now())"), {"k": f"{_now()}{number}"})


def _take(server: ArchivedPostgres, database: Database) -> BackupPart:
    return PgBackRest(server.configuration, database=database).take("postgresql", server.configuration, Path())


def test_the_copy_counts_as_it_did_then_and_goes_on_to_the_last_transaction(
    server: ArchivedPostgres, database: Database, into: Path
) -> None:
    _rows(database, 3)
    engine, begun = PgBackRest(server.configuration, database=database), _now()
    part = _take(server, database)
    assert part.counts["ephemeral"] >= 3
    _rows(database, 5)  # after the backup: in the WAL alone
    with server_connection(server) as connection:
        connection.execute(sa.text("SELECT pg_switch_wal()"))
        archived_soon(connection)
    engine.restore(part, Path(), into)
    assert (into / "postgresql").stat().st_mode & 0o077 == 0
    seen = engine.examine(part, into, begun)
    assert seen.counts == part.counts
    assert seen.newest > begun
    assert not list(into.glob("*/postmaster.pid"))


def test_only_what_a_passphrase_opens_lies_in_the_repository(server: ArchivedPostgres, database: Database) -> None:
    secret = f"canary{_now().timestamp()}".replace(".", "")
    with database.transaction() as connection:
        connection.execute(sa.text("INSERT INTO ephemeral VALUES (:k, :v, now())"), {"k": secret, "v": secret.encode()})
    _take(server, database)
    files = [path for path in server.repository.rglob("*") if path.is_file()]
    assert files
    assert not any(secret.encode() in path.read_bytes() for path in files)


def test_another_passphrase_restores_nothing_and_is_not_told(
    server: ArchivedPostgres, database: Database, into: Path
) -> None:
    part, good = _take(server, database), server.configuration.read_text()
    passphrase = re.search(r"cipher-pass=(\w+)", good)
    assert passphrase
    try:
        server.configuration.write_text(good.replace(passphrase[1], "another"))
        with pytest.raises(BackupError) as refused:
            PgBackRest(server.configuration, database=None).restore(part, Path(), into)
    finally:
        server.configuration.write_text(good)
    assert isinstance(refused.value, EngineFailed)
    assert passphrase[1] not in str(refused.value)
    assert "another" not in str(refused.value)


def test_a_flipped_byte_in_the_repository_is_found_at_the_restore(
    server: ArchivedPostgres, database: Database, into: Path
) -> None:
    part = _take(server, database)
    label = part.reference.split()[0]
    files = [
        path for path in (server.repository / "backup/city").rglob("*") if path.is_file() and path.suffix == ".zst"
    ]
    largest = max((path for path in files if label[:16] in str(path)), key=lambda path: path.stat().st_size)
    content = largest.read_bytes()
    middle = len(content) // 2
    largest.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    engine = PgBackRest(server.configuration, database=None)
    try:
        with pytest.raises(BackupError):
            engine.restore(part, Path(), into)
    finally:
        largest.write_bytes(content)


def test_a_backup_that_pgbackrest_let_go_is_named(server: ArchivedPostgres, database: Database, into: Path) -> None:
    part = _take(server, database)
    gone = BackupPart(name="postgresql", engine="pgbackrest", reference="20200101-000000F 0/1 city", bytes=1, digest="")
    with pytest.raises(PartDamaged, match="20200101-000000F"):
        PgBackRest(server.configuration, database=None).restore(gone, Path(), into)
    assert part.digest


def test_what_is_not_set_up_says_what_to_do() -> None:
    engine = PgBackRest(None, database=None)
    assert "CITYGATE_BACKUP_PGBACKREST" in engine.what_is_missing()
    with pytest.raises(EngineMissing):
        engine.restore(BackupPart(name="p", engine="pgbackrest", reference="a b c", bytes=0, digest=""), Path(), Path())


def server_connection(server: ArchivedPostgres):  # type: ignore[no-untyped-def]
    engine = sa.create_engine(
        server.server.administrator("city").replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool
    )
    return engine.connect()


def archived_soon(connection: sa.Connection) -> None:
    import time

    last = connection.execute(sa.text("SELECT pg_walfile_name(pg_current_wal_lsn())")).scalar()
    for _ in range(200):
        done = connection.execute(sa.text("SELECT last_archived_wal FROM pg_stat_archiver")).scalar()
        if done and last and done >= last[:-1]:
            return
        connection.rollback()
        time.sleep(0.1)
