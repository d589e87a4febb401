"""From the version before: every row stays, and who was signed in signs in again."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import idp.store
import storage.database
from authz.store import parked
from storage.database import Database, Moment
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_parked_stays_as_long_as_it_was_to_stay(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}" if kind == "sqlite" else request.getfixturevalue("empty_postgres_url")
    database = Database(url)
    migrate_to(database, "0002")
    before = sa.table("parked", *(sa.column(name) for name in ("id", "subject", "host", "missing", "sealed", "record")),
                      sa.column("parked_at", Moment))  # fmt: skip
    row = {"id": "01J", "subject": "user:li", "host": "h", "missing": "assurance", "sealed": b"s", "record": "01J"}
    with database.transaction() as connection:
        connection.execute(sa.insert(before).values(**row, parked_at=NOW))
    database.migrate()
    with database.transaction() as connection:
        (row,) = connection.execute(sa.select(parked)).mappings()
    assert (row["expires_at"] - row["parked_at"], row["verdict"], row["label"]) == (timedelta(minutes=15), "", 0)
    database.close()
