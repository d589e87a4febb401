"""The database: its schema is its metadata, its transactions are one after the other, its moments have a zone."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

import authz.store
import idp.store
import storage.store
from storage.database import Database, metadata
from tests.bounds import join_in_time

TABLES = (authz.store, idp.store, storage.store)  # whose import fills the metadata
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


def test_the_migrations_make_exactly_the_tables_of_the_metadata(database: Database) -> None:
    with database.transaction() as connection:
        made = sa.MetaData()
        made.reflect(connection)
        shapes = [
            {
                table.name: {
                    column.name: (column.type.compile(connection.dialect), column.primary_key)
                    for column in table.columns
                }
                for table in each.tables.values()
                if table.name != "alembic_version"
            }
            for each in (made, metadata)
        ]
    assert shapes[0] == shapes[1]


def test_every_row_that_grants_keys_places_or_opens_must_name_its_record(database: Database) -> None:
    with database.transaction() as connection:
        inspector = sa.inspect(connection)
        naming = {
            table
            for table in inspector.get_table_names()
            for column in inspector.get_columns(table)
            if column["name"] == "record" and not column["nullable"]
        }
    spine = {"person", "session", "access_key", "rule", "assignment", "may_grant", "parked", "seal"}
    rooms = {"key", "key_suite", "key_version", "zone", "flow", "host", "quota", "machine", "machine_change"}
    rooms |= {"resource", "app", "share", "grade", "assessment", "control_answer", "backup_work"}
    assert naming == spine | rooms


def test_a_second_migration_changes_nothing(database: Database) -> None:
    before = schema(database)
    database.migrate()
    assert schema(database) == before


def schema(database: Database) -> list[str]:
    """Every table, column, key and index."""
    with database.transaction() as connection:
        made = sa.MetaData()
        made.reflect(connection)
        return [
            str(part.compile(connection))
            for table in made.sorted_tables
            for part in (sa.schema.CreateTable(table), *map(sa.schema.CreateIndex, sorted(table.indexes, key=str)))
        ]


def test_what_is_committed_survives_a_power_cut_and_keys_point_somewhere(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as connection:
        connection.execute(
            sa.insert(authz.store.system).values(id="s", department="nowhere", name_zh="", name_en="", label=1)
        )
    with database.transaction() as connection:
        if connection.dialect.name == "postgresql":
            told = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("fsync", "synchronous_commit")]
            assert told == ["on", "on"]
            return
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
        assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_an_exception_undoes_the_whole_transaction(database: Database) -> None:
    def break_off() -> None:
        with database.transaction() as connection:
            connection.execute(sa.insert(authz.store.seal).values(id=1, sealed_at=NOON, record="r"))
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    with database.transaction() as connection:
        assert connection.execute(sa.select(authz.store.seal)).all() == []


def test_what_is_read_to_be_changed_is_changed_by_one_after_the_other(database: Database) -> None:
    """Each reads, waits and writes what it read plus one: any two at once would lose a step."""
    with database.transaction() as connection:
        connection.execute(
            sa.insert(authz.store.role).values(id="n", name_zh="0", name_en="", allows_zh="", allows_en="")
        )

    def step() -> None:
        for _ in range(25):
            with database.transaction() as connection:
                seen = int(connection.execute(sa.select(authz.store.role.c.name_zh).with_for_update()).scalar_one())
                connection.execute(sa.update(authz.store.role).values(name_zh=str(seen + 1)))

    threads = [threading.Thread(target=step) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join_in_time(thread)
    with database.transaction() as connection:
        assert connection.execute(sa.select(authz.store.role.c.name_zh)).scalar_one() == "100"


def test_a_statement_that_stands_alone_does_not_wait_for_who_writes(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(authz.store.seal)
    with database.transaction() as connection:
        connection.execute(sa.insert(authz.store.seal).values(id=1, sealed_at=NOON, record="r"))
        assert database.alone(lambda other: other.execute(count).scalar_one()) == 0
    assert database.alone(lambda other: other.execute(count).scalar_one()) == 1


def test_a_moment_comes_back_as_utc_whatever_its_zone_was(database: Database) -> None:
    with database.transaction() as connection:
        local = NOON.astimezone(timezone(timedelta(hours=8)))
        connection.execute(sa.insert(authz.store.seal).values(id=1, sealed_at=local, record="r"))
        back = connection.execute(sa.select(authz.store.seal.c.sealed_at)).scalar_one()
    assert (back, back.tzinfo) == (NOON, UTC)


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="time zone"), database.transaction() as connection:
        connection.execute(sa.insert(authz.store.seal).values(id=1, sealed_at=NOON.replace(tzinfo=None), record="r"))
