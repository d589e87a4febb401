"""The city's one database: engine, transactions, and the MetaData every package's tables join."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, DateTime, Dialect, Engine, ExceptionContext, MetaData, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from storage import advisory
from storage.errors import StorageUnavailable

metadata = MetaData()

_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATION_SECONDS = 60
_READING_SECONDS = 30  # as long as a snapshot may take to load
_SESSION = {
    "timezone": "UTC",
    "statement_timeout": "5s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "5s",  # a client that sleeps with a lock costs everybody the lease
}
CONNECTED: dict[str, Any] = {  # libpq's own words; a machine that vanished is noticed within seconds
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
    "application_name": "citygate",
}
_READ_ONLY, _SLEPT_TOO_LONG, _BROKEN = "25006", "25P03", "XX"  # SQLSTATE; the last is a class
_AFTER_COMMIT = "citygate.after-commit"
T = TypeVar("T")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Transactions on one engine. Called from threads only, never from the event loop."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        """`url`: "sqlite:///PATH" or "postgresql+psycopg://…"; there, at most so many connections at once."""
        if url.startswith("sqlite"):
            self._engine: Engine = create_engine(url, hide_parameters=True)  # an error text must not hold a row
            self._alone: Engine = create_engine(url, hide_parameters=True)
            event.listen(self._engine, "begin", _begin_immediate)
            for engine in (self._engine, self._alone):
                event.listen(engine, "connect", _prepare_sqlite)
        else:
            # after the database was away, nobody gets a dead connection
            self._engine = _postgres(url, connections, isolation_level="READ COMMITTED", pool_pre_ping=True)
            self._alone = _postgres(url, connections, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        for engine in (self._engine, self._alone):
            event.listen(engine, "handle_error", _hide_rows)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by an exception.

        SQLite's are one after the other. PostgreSQL's are READ COMMITTED: what is read in order to be changed is
        read `.with_for_update()`. Raises StorageUnavailable when the database cannot be reached, or is locked for
        too long.
        """
        with _answering(), self._engine.connect() as connection:
            calls: list[Callable[[], None]] = []
            connection.info[_AFTER_COMMIT] = calls  # of this transaction; the connection serves others later
            with connection.begin():
                yield connection
        for call in calls:
            call()

    def alone(self, run: Callable[[Connection], T]) -> T:
        """What `run` makes of one statement without a transaction around it: a single round trip, on a single snapshot.

        It must be harmless to run twice: a connection that was thrown out while it lay idle is noticed by that, and
        another is taken. Raises StorageUnavailable.
        """
        with _answering():
            try:
                return self._once(run)
            except DBAPIError as failure:
                if not failure.connection_invalidated:
                    raise
            return self._once(run)

    def _once(self, run: Callable[[Connection], T]) -> T:
        with self._alone.connect() as connection:
            return run(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads all as it was at one moment, and writes nothing. Raises StorageUnavailable."""
        with self.transaction() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                # no row is held, and 100 000 rules take a busy process longer to fetch than a writer may sleep
                connection.execute(sa.text(f"SET LOCAL idle_in_transaction_session_timeout = '{_READING_SECONDS}s'"))
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest version; of several at once, one does. Raises StorageUnavailable."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self.transaction() as connection:
            if connection.dialect.name == "postgresql":
                for name in ("lock_timeout", "statement_timeout"):
                    connection.execute(sa.text(f"SET LOCAL {name} = '{_MIGRATION_SECONDS}s'"))
            advisory.hold(connection, "migration")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Give every connection back."""
        self._engine.dispose()
        self._alone.dispose()


def after_commit(connection: Connection, call: Callable[[], None]) -> None:
    """Have `call` made once the transaction of `connection` has committed, and never if it does not."""
    connection.info[_AFTER_COMMIT].append(call)


def _postgres(url: str, connections: int, **how: Any) -> Engine:
    settings = {"options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items())}
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=2,
        connect_args=CONNECTED | settings,
        **how,
    )


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolExhausted) as failure:
        raise StorageUnavailable("the database does not answer") from failure
    except DBAPIError as failure:
        if _is_no_answer(failure):
            raise StorageUnavailable("the database does not answer") from failure
        raise


def _is_no_answer(failure: DBAPIError) -> bool:
    if failure.connection_invalidated:
        return True
    state = getattr(failure.orig, "sqlstate", None) or ""
    return isinstance(failure, InternalError) and (state in {_READ_ONLY, _SLEPT_TOO_LONG} or state.startswith(_BROKEN))


def _hide_rows(context: ExceptionContext) -> None:
    """PostgreSQL's second line quotes the row that was refused; an error's text ends in a log."""
    for failure in (context.original_exception, context.sqlalchemy_exception):
        if failure is not None and failure.args and isinstance(failure.args[0], str):
            failure.args = (failure.args[0].partition("\n")[0], *failure.args[1:])


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun by us, below
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # a reader that becomes a writer would fail, not wait
