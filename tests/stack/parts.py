"""The real components for tests: PostgreSQL and Redis, started when first asked for, once a run, stopped by id."""

import itertools
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from city.stack import postgres as pg
from city.stack import redis as rd
from city.supervisor import Process, Supervisor, free_ports
from storage.database import Database
from storage.redis_stores import connect
from tests.needs import need, not_run

USER, TEMPLATE = "citygate", "founded"
_numbers = itertools.count(1)


@dataclass
class Server:
    """One component of a test's: it can be paused, killed, and started again where it was."""

    process: Process
    port: int
    password: str
    logs: Path
    clients: list[Redis] = field(default_factory=list)

    def send(self, number: int) -> None:
        assert self.process.running is not None
        if number in (signal.SIGSTOP, signal.SIGCONT):  # the workers too: they answer for it
            os.killpg(self.process.running.pid, number)
        else:
            os.kill(self.process.running.pid, number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """It is told to end, and has ended."""
        assert self.process.running is not None
        self.send(number)
        self.process.running.wait(15)

    def start(self) -> None:
        """It is there again, as it was."""
        Supervisor(logs=self.logs).start([self.process], within_seconds=30)

    # PostgreSQL only

    def administrator(self, database: str = "postgres") -> str:
        return pg.address(self.port, password=self.password, database=database)

    def fresh(self, template: str = "template1") -> str:
        """A database of one's own, as SQLAlchemy's URL; its user owns it and nothing else."""
        name = f"test_{next(_numbers)}"
        pg.provide(self.administrator(), user=USER, password=self.password, database=name, template=template)
        return sqlalchemy_url(self.port, self.password, name)

    # Redis only

    def client(self, database: int = 0) -> Redis:
        self.clients.append(connect(rd.address(self.port, database=database), self.password))
        return self.clients[-1]


def sqlalchemy_url(port: int, password: str, database: str) -> str:
    url = pg.address(port, password=password, user=USER, database=database)
    return url.replace("postgresql://", "postgresql+psycopg://")


@contextmanager
def postgres_running() -> Iterator[Server]:
    """A PostgreSQL server of one's own, for tests that stop it."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        not_run("PostgreSQL is not here")
    with _place() as place:
        (port,), password = free_ports(1), secrets.token_hex(16)
        process = pg.postgres(place / "postgres", port=port, password=password)
        with _started(process, place) as logs:
            yield Server(process, port, password, logs)


@contextmanager
def redis_running() -> Iterator[Server]:
    """A Redis server of one's own, for tests that stop it."""
    need("redis-server")
    with _place() as place:
        (port,), password = free_ports(1), secrets.token_hex(16)
        process = rd.redis(place / "redis", port=port, password=password)
        with _started(process, place) as logs:
            server = Server(process, port, password, logs)
            yield server
            for client in server.clients:
                client.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with postgres_running() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    with redis_running() as server:
        yield server


@pytest.fixture(scope="session")
def _template(postgres_server: Server) -> str:
    """A database that is migrated once, for all others to be copied from."""
    pg.provide(postgres_server.administrator(), user=USER, password=postgres_server.password, database=TEMPLATE)
    database = Database(sqlalchemy_url(postgres_server.port, postgres_server.password, TEMPLATE))
    database.migrate()
    database.close()
    return TEMPLATE


@pytest.fixture
def empty_postgres_url(postgres_server: Server) -> Iterator[str]:
    """A database of this test's own with nothing in it."""
    url = postgres_server.fresh()
    yield url
    _drop(postgres_server, url)


@pytest.fixture
def postgres_url(postgres_server: Server, _template: str) -> Iterator[str]:
    """A database of this test's own, migrated."""
    url = postgres_server.fresh(_template)
    yield url
    _drop(postgres_server, url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of this test's own, of either kind; SQLite's has nothing in it yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'city.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def redis_client(redis_server: Server) -> Iterator[Redis]:
    """A client of the run's Redis, with nothing in it."""
    client = redis_server.client()
    client.flushall()
    yield client
    client.close()


def _drop(server: Server, url: str) -> None:
    with psycopg.connect(server.administrator(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')


@contextmanager
def _place() -> Iterator[Path]:
    """A folder that other accounts can pass through; pytest's own are closed to them."""
    place = Path(tempfile.mkdtemp(prefix="citygate-parts-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place)


@contextmanager
def _started(process: Process, logs: Path) -> Iterator[Path]:
    supervisor = Supervisor(logs=logs)
    try:
        supervisor.start([process], within_seconds=30)
        yield logs
    finally:
        if process.running and not process.has_ended():
            os.killpg(process.running.pid, signal.SIGCONT)  # who is paused cannot end
        supervisor.stop()
