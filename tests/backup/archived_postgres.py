"""A real PostgreSQL with pgBackRest beside it, as `stack up` sets them up."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from city.stack import pgbackrest
from city.stack import postgres as pg
from city.supervisor import free_ports
from storage.database import Database
from tests.needs import need, not_run
from tests.stack.parts import USER, Server, _place, _started, sqlalchemy_url


@dataclass
class ArchivedPostgres:
    """The server, the city's database on it, and pgBackRest's configuration."""

    server: Server
    place: Path
    configuration: Path
    url: str

    @property
    def repository(self) -> Path:
        return self.configuration.with_name("repository")


@contextmanager
def archived_postgres() -> Iterator[ArchivedPostgres]:
    need("pgbackrest")
    if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        not_run("PostgreSQL is not here")
    with _place() as place:
        (port,), password = free_ports(1), secrets.token_hex(16)
        data = place / "postgres/data"
        configuration = pgbackrest.configure(
            place / "pgbackrest", data=data, port=port, password=password, passphrase=secrets.token_hex(16)
        )
        process = pg.postgres(
            place / "postgres", port=port, password=password, more=pgbackrest.archiving(configuration)
        )
        with _started(process, place) as logs:
            server = Server(process, port, password, logs)
            pg.provide(server.administrator(), user=USER, password=password, database="city")
            url = sqlalchemy_url(port, password, "city")
            database = Database(url)
            database.migrate()
            database.close()
            yield ArchivedPostgres(server, place, configuration, url)
