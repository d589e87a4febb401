"""PostgreSQL that is gone, busy, full or read-only: every way of no answer is one error, and it is soon over."""

import signal
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

import authz.store
import idp.store
from storage import advisory
from storage.database import Database
from storage.errors import StorageUnavailable
from tests.idp.people import NOW
from tests.stack.parts import Server, postgres_running


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    made = Database(postgres_url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Server]:
    with postgres_running() as server:
        yield server


def ask(database: Database) -> int:
    with database.transaction() as connection:
        return connection.execute(sa.text("SELECT 1")).scalar_one()


def terminate_all(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_nobody_gets_a_connection_that_was_thrown_out_while_it_lay_idle(database: Database, postgres_url: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: ask(database), range(40))) == {1}
        terminate_all(postgres_url)
        assert set(threads.map(lambda _: ask(database), range(40))) == {1}


def test_a_statement_that_stands_alone_is_asked_again_on_another_connection(
    database: Database, postgres_url: str
) -> None:
    asked: list[int] = []

    def who(connection: sa.Connection) -> int:
        asked.append(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
        return asked[-1]

    first = database.alone(who)
    assert database.alone(who) == first, "one connection is kept"
    terminate_all(postgres_url)
    assert database.alone(who) != first
    assert len(set(asked)) == 2


def test_a_statement_that_stands_alone_waits_for_no_commit_and_leaves_no_transaction(database: Database) -> None:
    database.alone(lambda connection: connection.execute(sa.text("INSERT INTO epoch VALUES (7, 0, 0)")))
    state = sa.text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND usename = current_user")
    with database.transaction() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM epoch WHERE id = 7")).scalar_one() == 1
        assert connection.execute(state).scalar_one() == 0


def test_who_is_thrown_out_in_the_middle_did_nothing(database: Database, postgres_url: str) -> None:
    def work() -> None:
        with database.transaction() as connection:
            connection.execute(sa.insert(authz.store.seal).values(id=1, sealed_at=NOW, record="r"))
            terminate_all(postgres_url)
            connection.execute(sa.text("SELECT 1"))

    def work_to_the_end() -> None:
        with database.transaction() as connection:
            connection.execute(sa.insert(authz.store.seal).values(id=1, sealed_at=NOW, record="r"))
            terminate_all(postgres_url)

    for one in (work, work_to_the_end):
        with pytest.raises(StorageUnavailable):
            one()
    with database.transaction() as connection:
        assert connection.execute(sa.select(authz.store.seal)).all() == []


def test_a_database_that_stops_is_said_so_and_serves_again_when_it_is_back(own_postgres: Server) -> None:
    database = Database(own_postgres.fresh())
    assert ask(database) == 1
    for how in (signal.SIGINT, signal.SIGQUIT):
        own_postgres.stop(how)
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(StorageUnavailable):
                ask(database)
            with pytest.raises(StorageUnavailable):
                database.alone(lambda connection: connection.execute(sa.text("SELECT 1")))
            assert time.monotonic() - began < 3
        own_postgres.start()
        assert ask(database) == 1
    database.close()


def test_what_takes_too_long_is_broken_off(database: Database) -> None:
    began = time.monotonic()
    with pytest.raises(StorageUnavailable), database.transaction() as connection:
        connection.execute(sa.text("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 8


def test_a_lock_is_not_waited_for_forever(database: Database) -> None:
    with ThreadPoolExecutor(1) as threads, database.transaction() as connection:
        advisory.hold(connection, "founding")

        def second() -> None:
            with database.transaction() as other:
                advisory.hold(other, "founding")

        began = time.monotonic()
        assert isinstance(threads.submit(second).exception(), StorageUnavailable)
        assert 2 < time.monotonic() - began < 5


def test_more_callers_than_connections_wait_a_moment_and_are_then_refused(postgres_url: str) -> None:
    database, go_on = Database(postgres_url, connections=2), threading.Event()

    def hold() -> None:
        with database.transaction() as connection:
            connection.execute(sa.text("SELECT 1"))
            go_on.wait(4)

    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(hold) for _ in range(2)]
        time.sleep(0.3)
        began = time.monotonic()
        with pytest.raises(StorageUnavailable):
            ask(database)
        assert time.monotonic() - began < 3
        go_on.set()
        for one in held:
            one.result()
    assert ask(database) == 1
    database.close()


def test_a_database_that_only_reads_is_no_answer_to_a_write(database: Database) -> None:
    def write() -> None:
        with database.transaction() as connection:
            connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            connection.execute(sa.insert(authz.store.seal).values(id=1, sealed_at=NOW, record="r"))

    with pytest.raises(StorageUnavailable):
        write()


def test_who_sleeps_in_a_transaction_loses_it(database: Database) -> None:
    def sleep() -> None:
        with database.transaction() as connection:
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))
            time.sleep(0.6)
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(StorageUnavailable):
        sleep()


def test_a_deadlock_is_no_answer_and_the_other_goes_on(database: Database) -> None:
    both = threading.Barrier(2)

    def one(names: tuple[str, str]) -> str:
        try:
            with database.transaction() as connection:
                advisory.hold(connection, names[0])
                both.wait(5)
                advisory.hold(connection, names[1])
        except StorageUnavailable:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(one, [("a", "b"), ("b", "a")])) == ["done", "refused"]


def test_a_refused_row_is_quoted_in_no_error(database: Database) -> None:
    row = {"id": "canary", "parent": None, "name_zh": "canary", "name_en": "canary"}

    def twice() -> None:
        with database.transaction() as connection:
            for _ in range(2):
                connection.execute(sa.insert(idp.store.department).values(row))

    with pytest.raises(sa.exc.IntegrityError) as refused:
        twice()
    told = "".join(traceback.format_exception(refused.value))
    assert "department_pkey" in told
    assert "Key (id)" not in told
    assert "=(canary)" not in told


def test_every_session_is_bounded_and_speaks_utc(database: Database) -> None:
    names = ("timezone", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    with database.transaction() as connection:
        told = {name: connection.execute(sa.text(f"SHOW {name}")).scalar_one() for name in names}
        assert connection.execute(sa.text("SHOW transaction_isolation")).scalar_one() == "read committed"
    assert told == dict(zip(names, ("UTC", "5s", "3s", "5s"), strict=True))


def test_what_is_read_for_a_policy_set_is_of_one_moment(database: Database) -> None:
    def count(connection: sa.Connection) -> int:
        return connection.execute(sa.select(sa.func.count()).select_from(idp.store.department)).scalar_one()

    with database.reading() as connection:
        assert count(connection) == 0
        with database.transaction() as other:
            other.execute(sa.insert(idp.store.department).values(id="d", parent=None, name_zh="", name_en=""))
        assert count(connection) == 0
    with database.reading() as connection:
        assert count(connection) == 1
    with pytest.raises(StorageUnavailable), database.reading() as connection:
        connection.execute(idp.store.department.delete())


def test_who_only_reads_may_take_longer_over_it_and_the_next_transaction_may_not(database: Database) -> None:
    patience = sa.text("SHOW idle_in_transaction_session_timeout")
    with database.reading() as connection:
        assert connection.execute(patience).scalar_one() == "30s"
    with database.transaction() as connection:
        assert connection.execute(patience).scalar_one() == "5s"


def test_of_several_who_migrate_at_once_one_does_and_all_go_on(empty_postgres_url: str) -> None:
    databases = [Database(empty_postgres_url) for _ in range(5)]
    with ThreadPoolExecutor(5) as threads:
        assert [one.exception() for one in [threads.submit(each.migrate) for each in databases]] == [None] * 5
    with databases[0].transaction() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all() == ["0012"]
    for one in databases:
        one.close()


def test_a_migration_that_breaks_leaves_what_was_there(empty_postgres_url: str) -> None:
    database = Database(empty_postgres_url)
    with database.transaction() as connection:
        connection.execute(sa.text("CREATE TABLE epoch (id integer)"))  # 0002 will want this name
    with pytest.raises(sa.exc.ProgrammingError):
        database.migrate()
    with database.transaction() as connection:
        assert sa.inspect(connection).get_table_names() == ["epoch"]
    database.close()
