"""`/api/v1` behind the real door: RFC 9457 for every refusal, nothing unknown taken, nothing unsaid."""

import re

import pytest

from audit.event import EventKind
from tests.founded_city import Answer, CityDoor, tomorrow

PEOPLE = "/api/v1/departments/civil/people"
EVENTS = "/api/v1/audit/events"


def assignments(door: CityDoor, person: str = "zhao", department: str = "civil") -> str:
    return f"/api/v1/departments/{department}/people/{door.ids[person]}/assignments"


def wanted(**changes: object) -> dict[str, object]:
    return {"role": "marriage-clerk", "clearance": 2, "expires_at": tomorrow(), "reason": "窗口轮岗"} | changes


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer
    told = answer.json
    assert (told["status"], told["code"], told["type"]) == (status, code, f"urn:citygate:problem:{code}")
    assert re.fullmatch(r"[0-9A-Z]{26}", told["instance"])
    assert answer.headers["cache-control"] == "no-store"


def test_a_role_is_given_with_a_receipt_and_taken_back_with_another(door: CityDoor) -> None:
    made = door.ask("POST", assignments(door), "qian", json=wanted())
    assert made.status == 201
    assert made.json["receipt"]["confirmed"] == made.json["receipt"]["live"] == 1
    held = door.ask("GET", assignments(door), "qian").json["items"]
    assert [one["id"] for one in held if one["role"] == "marriage-clerk"] == [made.json["id"]]
    taken = door.ask("DELETE", f"{assignments(door)}/{made.json['id']}", "qian")
    assert (taken.status, taken.json["receipt"]["confirmed"]) == (200, 1)
    assert_problem(door.ask("DELETE", f"{assignments(door)}/{made.json['id']}", "qian"), 404, "assignment-unknown")
    records = {event.id: event for event in door.records() if event.kind is EventKind.OUTCOME}
    outcome = records[made.json["record"]]
    assert outcome.detail["reason"] == "窗口轮岗"
    assert outcome.detail["person"] == door.ids["zhao"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": ""}, "role"),
        ({"role": "x" * 64}, "role"),
        ({"role": 7}, "role"),
        ({"role": None}, "role"),
        ({"clearance": 0}, "clearance"),
        ({"clearance": 6}, "clearance"),
        ({"clearance": "high"}, "clearance"),
        ({"clearance": 1e400}, "clearance"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "until"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "until"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "until"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "two\nlines"}, "reason"),
        ({"reason": "\ud800"}, "reason"),
        ({"reason": "\u202eetirw"}, "reason"),
        ({"reason": "bell\x07"}, "reason"),
        ({"reason": "\u2028"}, "reason"),
        ({"reason": ["x"]}, "reason"),
        ({"given_by": "user:me"}, "given_by"),
        ({"id": "1"}, "id"),
        ({"<script>": 1}, "?"),
    ],
)
def test_what_cannot_be_accepted_is_said_by_field(door: CityDoor, change: dict[str, object], field: str) -> None:
    answer = door.ask("POST", assignments(door), "qian", json=wanted(**change))
    assert_problem(answer, 422, "request-invalid")
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b"null", 422),
        (b"\xff\xfe", 400),
        (b"[" * 20_000, 400),
        (b'{"role": 1, "role": 2}', 422),
        (b"", 422),
    ],
)
def test_a_body_that_is_not_one_object_is_refused(door: CityDoor, body: bytes, status: int) -> None:
    answer = door.ask("POST", assignments(door), "qian", json=body)
    assert_problem(answer, status, "request-invalid")


def test_another_media_type_is_refused(door: CityDoor) -> None:
    assert_problem(door.ask("POST", assignments(door), "qian", form={"role": "marriage-clerk"}), 422, "request-invalid")


def test_what_may_not_be_given_changes_nothing_and_has_its_own_code(door: CityDoor) -> None:
    before = door.ask("GET", assignments(door), "qian").json
    for change in (
        {"clearance": 4},
        {"role": "housing-clerk"},
        {"role": "audit-administrator"},
        {"role": "no-such-role"},
    ):
        assert_problem(door.ask("POST", assignments(door), "qian", json=wanted(**change)), 403, "may-not-grant")
    assert_problem(door.ask("POST", assignments(door, "qian"), "qian", json=wanted()), 403, "may-not-grant")
    assert door.ask("GET", assignments(door), "qian").json == before


def test_the_same_role_twice_and_two_offices_are_conflicts(door: CityDoor) -> None:
    same = wanted()
    made = door.ask("POST", assignments(door), "qian", json=same)
    assert_problem(door.ask("POST", assignments(door), "qian", json=same), 409, "already-held")
    door.ask("DELETE", f"{assignments(door)}/{made.json['id']}", "qian")
    office = wanted(role="department-administrator")
    assert_problem(door.ask("POST", assignments(door, "chen", "city"), "zheng", json=office), 409, "separation-of-duty")


def test_one_persons_assignment_is_not_taken_under_anothers_name(door: CityDoor) -> None:
    """The record names the person in the path: it must be the one who loses the role."""
    made = door.ask("POST", assignments(door), "qian", json=wanted()).json["id"]
    assert_problem(door.ask("DELETE", f"{assignments(door, 'qian')}/{made}", "zheng"), 404, "assignment-unknown")
    assert door.ask("DELETE", f"{assignments(door)}/{made}", "zheng").status == 200


@pytest.mark.parametrize("person", ["sun", "wang", "chen"])
def test_people_outside_the_department_are_not_there(door: CityDoor, person: str) -> None:
    for method, body in (("GET", None), ("POST", wanted())):
        assert_problem(door.ask(method, assignments(door, person), "qian", json=body), 404, "person-unknown")


def test_people_come_in_pages_and_their_cursor_is_taken_back(door: CityDoor) -> None:
    everybody = door.ask("GET", "/api/v1/departments/city/people", "zheng").json
    assert everybody["next"] is None
    names = [(one["name"], one["id"]) for one in everybody["items"]]
    assert names == sorted(names)
    from urllib.parse import urlencode

    rest = door.ask(
        "GET",
        f"/api/v1/departments/city/people?{urlencode(dict(zip(('name', 'after'), names[3], strict=True)))}",
        "zheng",
    )
    assert [one["id"] for one in rest.json["items"]] == [identifier for _, identifier in names[4:]]


@pytest.mark.parametrize(
    "target",
    [
        f"{PEOPLE}?page=2",
        f"{PEOPLE}?q={'x' * 65}",
        f"{EVENTS}?order=asc",
        f"{EVENTS}?since=yesterday",
        f"{EVENTS}?until=2026-02-30",
        f"{EVENTS}?result=maybe",
        f"{EVENTS}?who=%E6%97%A0%E5%90%8D",
    ],
)
def test_a_question_that_is_not_understood_is_refused_not_ignored(door: CityDoor, target: str) -> None:
    assert_problem(door.ask("GET", target, "chen" if "audit" in target else "qian"), 422, "request-invalid")


@pytest.mark.parametrize(
    "target",
    [
        f"{EVENTS}/x",
        f"{EVENTS}/-1",
        f"{EVENTS}/1e3",
        f"{EVENTS}/999999",
        f"{EVENTS}/{'9' * 40}",
        "/api/v1/nothing",
        "/api/v2/sessions",
    ],
)
def test_what_is_not_there_is_a_problem_too(door: CityDoor, target: str) -> None:
    door.settle()
    assert_problem(door.ask("GET", target, "chen"), 404, "route-unknown")


def test_a_job_nobody_knows_is_not_run(door: CityDoor) -> None:
    assert_problem(door.ask("POST", "/api/v1/jobs/format-disk", "clock-job"), 404, "route-unknown")
    assert door.ask("POST", "/api/v1/jobs/sweep", "clock-job").json["job"] == "sweep"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "DELETE"])
def test_a_method_that_is_not_listed_is_refused_with_those_that_are(door: CityDoor, method: str) -> None:
    answer = door.ask(method, EVENTS, "chen")
    assert_problem(answer, 405, "method-refused")
    assert answer.headers["allow"] == "GET"


def test_events_are_read_page_by_page_without_a_gap(door: CityDoor) -> None:
    for _ in range(60):
        door.ask("GET", "/api/v1/sessions", "qian")
    size = door.settle()
    leaves, cursor = [], ""
    while True:
        page = door.ask("GET", f"{EVENTS}?cursor={cursor}", "chen").json
        leaves += [item["leaf"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert leaves == list(range(size - 1, -1, -1))


@pytest.mark.parametrize("cursor", ["-1", "x", "%C2%B2", "%D9%A3", "9" * 30, "1.5", "1%27%20OR%201=1"])
def test_a_cursor_that_is_none_is_refused(door: CityDoor, cursor: str) -> None:
    assert_problem(door.ask("GET", f"{EVENTS}?cursor={cursor}", "chen"), 422, "request-invalid")


def test_one_event_carries_its_proof(door: CityDoor) -> None:
    door.settle()
    told = door.ask("GET", f"{EVENTS}/0", "chen").json
    assert told["kind"] == "spool-opened" or told["kind"] == "bootstrap"
    assert set(told["proof"]) == {"hash", "path", "size", "root", "spool", "sequence"}


def test_signing_out_everywhere_by_key_ends_the_browsers_too(door: CityDoor) -> None:
    cookie = door.sign_in("sun")
    assert door.ask("GET", "/api/v1/sessions", cookie=cookie).json["items"]
    ended = door.ask("DELETE", "/api/v1/sessions", "sun").json
    assert (ended["ended"], ended["receipt"]["confirmed"]) == (1, 1)
    assert door.ask("GET", "/api/v1/sessions", cookie=cookie).status == 401


def test_what_is_personal_is_kept_by_no_cache(door: CityDoor) -> None:
    for target, who in ((PEOPLE, "qian"), (EVENTS, "chen"), ("/api/v1/sessions", "qian")):
        answer = door.ask("GET", target, who)
        assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
