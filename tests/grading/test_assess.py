"""An assessment asks every control of the grade, survives a probe that breaks, and names the leaf it rests on."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from city.identifiers import mint
from console.systems.words import MARKS
from grading.assess import CONTROLS, Assessments, assess
from grading.classify import Grade
from grading.errors import AssessmentUnknown
from grading.evidence import ProbeFacts, Status
from grading.report import typeset
from tests.acts import an_act
from tests.founded_city import CityDoor, open_founded_city
from tests.grading.graded_city import facts as told


@pytest.fixture
def city(founded: Path, tmp_path: Path) -> Iterator[CityDoor]:
    with open_founded_city(founded, tmp_path / "city") as door:
        yield door


@pytest.fixture
def facts(city: CityDoor) -> ProbeFacts:
    """Of a graded system, under the record of a request that really was made."""
    with city.city.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE system SET s = 3, a = 2, label = 3 WHERE id = 'housing'")
    city.ask("GET", "/", "wang")
    record = next(event.id for event in reversed(city.records()) if event.action == "read")
    return told(city, record=record)


def test_every_control_has_an_answer_and_the_leaf_it_rests_on(city: CityDoor, facts: ProbeFacts) -> None:
    findings = assess(facts)
    assert [one.control for one in findings] == list(CONTROLS)
    assert all(one.evidence for one in findings)
    for one in findings:
        assert one.leaf is not None
        assert city.city.records.log.read(one.leaf).event.id == facts.record
    by_id = {one.control.id: one.status for one in findings}
    assert by_id["second-factor"] is Status.MET
    assert by_id["restore-drilled"] is Status.UNMET
    assert by_id["physical-access"] is Status.NOT_ASSESSED


def test_what_a_lower_grade_does_not_ask_is_not_applicable(facts: ProbeFacts) -> None:
    findings = assess(replace(facts, grade=Grade(1, 1)))
    asked = {one.control.id for one in findings if one.status is not Status.NOT_APPLICABLE}
    assert asked <= {control.id for control in CONTROLS if control.from_grade == 1}
    assert {one.control.id for one in findings if one.status is Status.NOT_APPLICABLE} >= {
        "second-factor",
        "log-goes-on",
    }


def test_a_probe_that_breaks_is_not_assessed_and_the_others_go_on(facts: ProbeFacts) -> None:
    def away() -> list[str]:
        raise ConnectionError("refused")

    findings = {one.control.id: one for one in assess(replace(facts, issuer_drift=away))}
    assert findings["issuer-as-wanted"].status is Status.NOT_ASSESSED
    assert findings["issuer-as-wanted"].evidence[0].values == {"why": "ConnectionError"}
    assert findings["second-factor"].status is Status.MET


def test_an_index_that_is_gone_leaves_no_leaf_and_no_lie(facts: ProbeFacts) -> None:
    facts.log.index.unlink()
    assert {one.leaf for one in assess(facts)} == {None}


def test_a_kept_assessment_is_read_back_as_it_was(city: CityDoor, facts: ProbeFacts) -> None:
    kept = Assessments(city.city.stores.database, mint=mint)
    act = an_act("user:1", record=facts.record)
    made = kept.keep(facts, assess(facts), act)
    assert kept.find("housing", made.id) == made == kept.history("housing")[0]
    assert list(act.notes) == [f"assessment {made.id}"]
    with pytest.raises(AssessmentUnknown):
        kept.find("marriage", made.id)


def test_the_report_is_a_pdf_whatever_its_data_say() -> None:
    hostile = '#panic("x") *b* $y$ <l> @r \\ " ] ) 𠮷'
    row = (hostile,) * 5
    made = typeset(
        title=hostile, facts=[(hostile, hostile)], counts=[(hostile, 1)], heads=row, rows=[row], note=hostile, at="now"
    )
    assert made.startswith(b"%PDF-")
    again = typeset(
        title=hostile, facts=[(hostile, hostile)], counts=[(hostile, 1)], heads=row, rows=[row], note=hostile, at="now"
    )
    assert json.dumps(made.hex()) == json.dumps(again.hex())


def test_the_register_and_the_system_say_how_many_controls_have_each_status(city: CityDoor, facts: ProbeFacts) -> None:
    act = an_act(city.ids["feng"], record=facts.record)
    made = Assessments(city.city.stores.database, mint=mint).keep(facts, assess(facts), act)
    met, unmet = made.count(Status.MET), made.count(Status.UNMET)
    assert min(met, unmet) > 0
    assert f"{MARKS['unmet']} {unmet} {MARKS['met']} {met}" in city.ask("GET", "/systems", "feng", page=True).text
    shown = city.ask("GET", "/systems/housing", "feng", page=True).text
    assert f"{MARKS['met']} 符合 {met}" in shown
    assert f"{MARKS['unmet']} 不符合 {unmet}" in shown
