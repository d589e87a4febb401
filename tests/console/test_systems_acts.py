"""The use cases of the systems desk: what they note of an act, also where something fails after they wrote."""

import pytest

from authz import store as authz_store
from city.identifiers import mint
from console.systems.acts import propose_grade
from grading import store
from grading.errors import SystemUnknown
from grading.grades import Answers, Grades
from storage import witness
from storage.database import Database
from storage.epoch import MemoryEpochs
from storage.errors import StorageUnavailable
from tests.acts import an_act
from tests.idp.people import city_with_people

ANSWERS = Answers.read(
    {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "property"}
)


@pytest.fixture
def database(database_url: str):
    with city_with_people(database_url) as city:
        with city.database.transaction() as connection:
            row = {"id": "housing", "department": "civil", "name_zh": "房", "name_en": "H", "label": 1, "record": "01R"}
            connection.execute(authz_store.system.insert().values(row))
        yield city.database


def test_a_grade_that_no_gateway_confirms_is_noted_all_the_same(database: Database) -> None:
    def effective(_epoch: int) -> None:
        raise StorageUnavailable("the database does not answer")

    grades, act = Grades(database, epochs=MemoryEpochs(monotonic=lambda: 0.0), mint=mint), an_act(record=mint())
    with pytest.raises(StorageUnavailable):
        propose_grade(grades, act, "housing", ANSWERS, effective=effective)  # type: ignore[arg-type]
    (entry,) = grades.history("housing")
    with database.transaction() as connection:
        seen = [
            witness.describe_row(connection, store.grade, entry.id),
            witness.describe_row(connection, authz_store.system, "housing"),
        ]
    assert act.notes == {"grade": "S3A2", **dict(seen)}


def test_a_grade_of_no_system_writes_and_notes_nothing(database: Database) -> None:
    grades, act = Grades(database, epochs=MemoryEpochs(monotonic=lambda: 0.0), mint=mint), an_act(record=mint())
    with pytest.raises(SystemUnknown):
        propose_grade(grades, act, "nothing", ANSWERS, effective=lambda _: None)  # type: ignore[arg-type,return-value]
    assert (act.notes, grades.history("nothing")) == ({}, [])
