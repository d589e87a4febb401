"""From the version before: every row stays, and who was signed in signs in again."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import idp.store
import storage.database
from storage.database import Database
from tests.idp.people import NOW


def migrate_to(database: Database, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(storage.database.__file__).with_name("migrations")))
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_sessions_of_the_first_version_are_over_and_name_their_records(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}" if kind == "sqlite" else request.getfixturevalue("empty_postgres_url")
    database = Database(url)
    migrate_to(database, "0001")
    person = {
        "id": "user:li",
        "iss": "local",
        "sub": "li",
        "login": "li",
        "name": "李",
        "not_before": NOW,
        "record": "01P",
    }
    old = {
        "id": "s1", "person": "user:li", "iss": "local", "sid": "sid", "assurance": 3, "address": "", "started_at": NOW,
        "seen_at": NOW, "id_token": b"sealed", "record": "01J",
    }  # fmt: skip
    with database.transaction() as connection:
        connection.execute(sa.insert(idp.store.person).values(person))
        connection.execute(sa.insert(idp.store.session).values(old))
        connection.execute(sa.text("INSERT INTO host_session VALUES (:digest, 's1', 'h')"), {"digest": b"d" * 32})
    database.migrate()
    with database.transaction() as connection:
        (row,) = connection.execute(sa.select(idp.store.session)).mappings()
        assert "host_session" not in sa.inspect(connection).get_table_names()
    assert (row["ended_at"], row["id_token"], row["record"], row["hosts"]) == (NOW, b"", "01J", "")
    database.close()
