"""An act's notes: what was witnessed stands once it is committed, and only then."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from idp.store import department
from storage import witness
from storage.database import Database
from tests.acts import an_act

ROW = {"id": "civil", "parent": None, "name_zh": "民政局", "name_en": "Civil affairs", "record": "01ACT"}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path / 'city.db'}")
    made.migrate()
    return made


def test_a_row_is_witnessed_once_its_transaction_commits(database: Database) -> None:
    act = an_act()
    with database.transaction() as connection:
        connection.execute(sa.insert(department).values(ROW))
        act.witness(connection, department, "civil")
        assert act.notes == {}
        expected = witness.describe_row(connection, department, "civil")
    assert act.notes == dict([expected])


def test_what_is_rolled_back_is_witnessed_neither_now_nor_by_the_next_transaction(database: Database) -> None:
    act = an_act()

    def write_and_fail() -> None:
        with database.transaction() as connection:
            connection.execute(sa.insert(department).values(ROW))
            act.witness(connection, department, "civil")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.transaction() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(department)).scalar_one() == 0
    assert act.notes == {}


def test_a_deleted_row_is_witnessed_as_gone(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(sa.insert(department).values(ROW))
    act = an_act()
    with database.transaction() as connection:
        connection.execute(sa.delete(department).where(department.c.id == "civil"))
        act.witness_deleted(connection, department, "civil")
    assert act.notes == {"department civil": witness.GONE}
