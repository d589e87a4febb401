"""What no probe can judge a person answers: through the door, in her own name, until a date, and never what is measured."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from city.clock import clock
from city.identifiers import mint
from grading.assess import CONTROLS, assess
from grading.control_answers import ControlAnswers
from grading.evidence import ControlAnswer, Status
from storage.database import Database
from tests.acts import an_act
from tests.founded_city import CONSOLE, PORT, Answer, CityDoor, open_founded_city, tomorrow
from tests.grading.graded_city import facts
from tests.personas.grading_asks import graded
from tests.storage.test_migrations import migrate_to

ANSWER = "/api/v1/systems/social/controls/{}/answer"
RUN = "/api/v1/systems/social/assessments"
WHY = "预案 2026-03，演练记录 <b>2026-09-14"


@pytest.fixture(scope="module")
def city(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    """A city in which social security is graded S2A2."""
    with open_founded_city(founded, tmp_path_factory.mktemp("answers") / "city") as door:
        graded(door)
        yield door


def answer(city: CityDoor, control: str, who: str = "zheng", **changed: Any) -> Answer:
    said = {"status": "met", "reason": WHY, "until": tomorrow(90)} | changed
    return city.ask("POST", ANSWER.format(control), who, json=said)


def assessed(city: CityDoor, control: str) -> dict[str, Any]:
    """What an assessment of now says of one control."""
    city.settle()
    made = city.ask("POST", RUN, "zheng").json
    return next(one for one in made["controls"] if one["id"] == control)


def later(city: CityDoor, control: str, by: timedelta) -> tuple[Status, str]:
    """The same after a while, in which nothing was done."""
    (found,) = assess(facts(city, system="social", after=by), controls=[one for one in CONTROLS if one.id == control])
    return found.status, found.evidence[0].code


@pytest.mark.parametrize("status", ["met", "partly", "unmet", "not-applicable"])
def test_an_answer_is_the_status_with_who_said_so_until_when_and_its_own_leaf(city: CityDoor, status: str) -> None:
    assert answer(city, "power-and-cooling", "feng", status="met").status == 201
    given = answer(city, "power-and-cooling", status=status)
    assert given.status == 201, given
    found = assessed(city, "power-and-cooling")
    (seen,) = found["evidence"]
    assert (found["status"], found["method"]) == (status, "human")
    assert (seen["code"], seen["who"], seen["reason"]) == ("answered", city.ids["zheng"], WHY)
    assert (seen["at"], seen["until"]) == (given.json["answered_at"], given.json["until"])
    event = city.city.records.log.read(found["leaf"]).event
    assert (event.id, event.action, event.subject) == (given.json["record"], "assess:answer", city.ids["zheng"])
    assert event.detail["status"] == status
    assert any(name.startswith("control_answer ") for name in event.detail)


def test_after_its_date_the_control_is_not_assessed_again_without_any_job(city: CityDoor) -> None:
    assert later(city, "secure-development", timedelta()) == (Status.NOT_ASSESSED, "asks-a-person")
    assert answer(city, "secure-development", until=tomorrow(2)).status == 201
    city.settle()
    assert later(city, "secure-development", timedelta(days=1, hours=23)) == (Status.MET, "answered")
    assert later(city, "secure-development", timedelta(days=2, seconds=1)) == (Status.NOT_ASSESSED, "answer-over")


def test_an_answer_of_one_system_says_nothing_of_another(city: CityDoor) -> None:
    assert answer(city, "staff-leaving").status == 201
    others = ControlAnswers(city.city.stores.database, mint=mint)
    assert (others.last_answer("housing", "staff-leaving"), others.last_answer("social", "physical-access")) == (
        None,
        None,
    )


@pytest.mark.parametrize("control", [one.id for one in CONTROLS if one.probe])
def test_nobody_answers_for_what_is_measured(city: CityDoor, control: str) -> None:
    from_grade_3 = next(one for one in CONTROLS if one.id == control).from_grade > 2
    code = (404, "control-unknown") if from_grade_3 else (409, "control-measured")
    refused = answer(city, control)
    assert (refused.status, refused.json["code"]) == code
    page = city.ask("GET", f"/systems/social/controls/{control}", "zheng", page=True)
    assert page.status == code[0]


def test_what_is_measured_never_looks_at_an_answer(city: CityDoor) -> None:
    def never(control: str) -> ControlAnswer | None:
        raise AssertionError(control)

    measured = [one for one in CONTROLS if one.probe in ("issuer_as_wanted", "restore_drilled", "keys_protected")]
    looked = replace(facts(city, system="social"), last_answer=never)
    assert len(assess(looked, controls=measured)) == 3


@pytest.mark.parametrize(
    ("control", "status", "code"),
    [
        ("full-time-administrator", 404, "control-unknown"),  # asked from grade 3 on
        ("nothing", 404, "control-unknown"),
        ("%E6%97%A0", 404, "control-unknown"),
    ],
)
def test_what_is_not_asked_cannot_be_answered(city: CityDoor, control: str, status: int, code: str) -> None:
    refused = answer(city, control)
    assert (refused.status, refused.json["code"]) == (status, code)


def test_a_system_that_is_unknown_or_has_no_grade_asks_nothing(city: CityDoor) -> None:
    said = {"status": "met", "reason": "x", "until": tomorrow()}
    for system, code in (("marriage", "system-ungraded"), ("nothing", "system-unknown")):
        refused = city.ask("POST", f"/api/v1/systems/{system}/controls/incident-plan/answer", "zheng", json=said)
        assert refused.json["code"] == code


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"status": "not-assessed"}, "status", "result-unknown"),
        ({"status": "passed"}, "status", "result-unknown"),
        ({"reason": ""}, "reason", "reason-missing"),
        ({"reason": "x" * 201}, "reason", "reason-missing"),
        ({"reason": "a\nb"}, "reason", "reason-invalid"),
        ({"until": "2020-01-01T00:00:00Z"}, "until", "date-past"),
        ({"until": tomorrow(370)}, "until", "date-too-far"),
        ({"until": "tomorrow"}, "until", "invalid"),
    ],
)
def test_an_answer_is_bounded_and_one_of_four(city: CityDoor, changed: dict[str, str], field: str, code: str) -> None:
    refused = answer(city, "security-policy", **changed)
    assert (refused.status, refused.json["errors"]) == (422, [{"field": field, "code": code}])
    answers = ControlAnswers(city.city.stores.database, mint=mint)
    assert answers.last_answer("social", "security-policy") is None


def test_an_answer_changed_by_hand_contradicts_its_record(city: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    given = answer(city, "vulnerability-handling", status="unmet").json
    city.settle()
    city.city.clock.ahead = timedelta(minutes=2)
    with closing(sqlite3.connect(city.city.settings.data / "city.db")) as connection, connection:
        change = "UPDATE control_answer SET status = ? WHERE record = ?"
        for status, wrong in (("met", 1), ("unmet", 0)):
            assert connection.execute(change, (status, given["record"])).rowcount == 1
            connection.commit()
            found = [one for one in city.city.records.reconcile().found if one.table == "control_answer"]
            assert [one.kind for one in found] == ["differs"] * wrong


@pytest.mark.parametrize(
    "by",
    [
        "UPDATE control_answer SET status = 'met'",
        "UPDATE control_answer SET status = 'splendid'",
        "DELETE FROM control_answer",
    ],
)
def test_while_an_answer_is_not_what_its_record_says_none_is_taken(
    city: CityDoor, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    assert answer(city, "incident-plan", status="met").status == 201
    given = answer(city, "incident-plan", status="unmet").json
    assert answer(city, "physical-access").status == 201
    city.settle()
    database = city.city.settings.data / "city.db"
    kept = database.with_name("kept.db")
    city.city.clock.ahead = timedelta(minutes=2)
    with closing(sqlite3.connect(database)) as connection, closing(sqlite3.connect(kept)) as copy:
        connection.backup(copy)
        assert connection.execute(f"{by} WHERE record = ?", (given["record"],)).rowcount == 1
        connection.commit()
        for control in ("incident-plan", "physical-access"):
            assert later(city, control, timedelta()) == (Status.NOT_ASSESSED, "answers-contradict-records")
            assert city.ask("GET", f"/systems/social/controls/{control}", "feng", page=True).status == 200
        copy.backup(connection)
    assert later(city, "incident-plan", timedelta()) == (Status.UNMET, "answered")
    assert later(city, "physical-access", timedelta()) == (Status.MET, "answered")


def test_the_desk_answers_and_page_and_report_name_who(city: CityDoor) -> None:
    cookie, origin = city.sign_in("feng"), {"origin": f"http://{CONSOLE}:{PORT}"}
    where = "/systems/social/controls/physical-access"

    def ask(method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        return city.ask(method, path, cookie=cookie, form=form, page=True, headers=origin)

    assert where in ask("GET", "/systems/social").text
    form = {"csrf": city.csrf(cookie), "status": "partly", "reason": WHY, "until": tomorrow(30)[:10]}
    wrong = ask("POST", f"{where}/answer", form | {"until": tomorrow(400)[:10]})
    assert (wrong.status, "&lt;b&gt;2026-09-14" in wrong.text) == (422, True)
    done = ask("POST", f"{where}/answer", form)
    assert (done.status, done.location.partition("?")[0]) == (303, where)
    name = json.loads((city.city.settings.data / "demo-people.json").read_text())
    feng = next(one["name"] for one in name if one["login"] == "feng")
    assert f"{feng} · <time" in ask("GET", where).text
    city.settle()
    run = city.ask("POST", RUN, "feng").json
    shown = ask("GET", f"/systems/social/assessments/{run['id']}")
    until = datetime.fromisoformat(tomorrow(30)).date().isoformat()
    assert f"（{feng} 于 " in shown.text
    assert f"有效期至 {until}）" in shown.text
    assert city.ids["feng"] not in shown.text.partition("<table")[2]
    report = ask("GET", f"/systems/social/assessments/{run['id']}/report.pdf")
    assert (report.status, report.body[:5]) == (200, b"%PDF-")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_city_of_the_version_before_can_be_answered_for(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}" if kind == "sqlite" else request.getfixturevalue("empty_postgres_url")
    database = Database(url)
    migrate_to(database, "0008")
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO department (id, name_zh, name_en) VALUES ('city', '市', 'City')")
        columns = "id, department, name_zh, name_en, label, s, a"
        connection.exec_driver_sql(f"INSERT INTO system ({columns}) VALUES ('social', 'city', '社', 'S', 2, 2, 2)")
    database.migrate()
    answers = ControlAnswers(database, mint=mint)
    until = clock() + timedelta(days=1)
    first = answers.give("social", "incident-plan", Status.UNMET, an_act("user:1"), reason=WHY, until=until)
    assert answers.last_answer("social", "incident-plan") == first
    act = an_act("user:1")
    second = answers.give("social", "incident-plan", Status.MET, act, reason=WHY, until=until)
    assert answers.history("social", "incident-plan")[1] == [second, first]
    assert len(act.notes) == 1
    database.close()
