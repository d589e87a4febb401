"""The audit desk at the door: found by person, object, time, result and request; read behind a proof; nothing changed."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from audit.event import EventKind
from city.clock import clock
from tests.founded_city import Answer, CityDoor

DAY = (clock() + timedelta(hours=8)).date()


@pytest.fixture(scope="module")
def cookie(door: CityDoor) -> str:
    """chen's browser, after some things have happened."""
    door.ask("GET", "/departments/housing/people", "qian")  # denied
    door.ask("GET", "/departments/housing/people", "sun")  # permitted
    door.ask("GET", "/", "wang")
    door.settle()
    return door.sign_in("chen")


def search(door: CityDoor, cookie: str, **asked: str) -> Answer:
    return door.ask("GET", f"/audit?{urlencode(asked)}", cookie=cookie, page=True)


def api(door: CityDoor, **asked: str) -> list[dict]:
    return door.ask("GET", f"/api/v1/audit/events?{urlencode(asked)}", "chen").json["items"]


def test_a_name_finds_what_everybody_of_that_name_did(door: CityDoor, cookie: str) -> None:
    assert {item["subject"] for item in api(door, who="孙丽")} == {door.ids["sun"]}
    assert "孙丽" in search(door, cookie, who="孙丽").text


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"object": "/console/departments/housing"}, lambda e: e["object"].startswith("/console/departments/housing")),
        ({"result": "deny"}, lambda e: e["result"] == "deny"),
        ({"who": "anonymous"}, lambda e: e["subject"] == "anonymous"),
        ({"who": "service:clock"}, lambda e: e["subject"] == "service:clock"),
        ({"since": DAY.isoformat(), "until": DAY.isoformat()}, lambda e: True),
    ],
)
def test_each_field_narrows_to_what_it_says(door: CityDoor, cookie: str, asked: dict, holds: object) -> None:
    door.ask("GET", "/", "")
    door.ask("POST", "/api/v1/jobs/sweep", "clock-job")
    door.settle()
    items = api(door, **asked)
    assert items
    assert all(holds(item) for item in items)
    assert search(door, cookie, **asked).status == 200


def test_a_day_is_a_whole_day_here(door: CityDoor, cookie: str) -> None:
    assert api(door, since=(DAY + timedelta(days=1)).isoformat()) == []
    assert api(door, until=(DAY - timedelta(days=1)).isoformat()) == []


def test_a_request_is_found_with_all_its_records(door: CityDoor, cookie: str) -> None:
    answer = door.ask("GET", "/departments/housing/people", "qian")
    door.settle()
    (item,) = api(door, request=answer.json["decision_id"])
    assert (item["kind"], item["result"], item["subject"]) == ("refusal", "deny", door.ids["qian"])


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "yesterday"},
        {"until": "2026-13-01"},
        {"since": "0001-01-01"},
        {"result": "x"},
        {"who": "无此人"},
        {"who": "%"},
        {"who": "<script>alert(1)</script>"},
    ],
)
def test_what_is_not_understood_is_said_beside_its_field(door: CityDoor, cookie: str, asked: dict[str, str]) -> None:
    answer = search(door, cookie, **asked)
    assert answer.status == 422
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "asked",
    [
        {"object": "' OR 1=1 --"},
        {"object": "%"},
        {"object": "x" * 5000},
        {"object": "\0"},
        {"object": "𠮷"},
        {"until": "9999-12-31"},
        {"before": "²"},
        {"before": "9" * 40},
        {"request": "\u202e"},
    ],
)
def test_whatever_is_typed_is_a_value(door: CityDoor, cookie: str, asked: dict[str, str]) -> None:
    answer = search(door, cookie, **asked)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"


def test_a_search_is_recorded_with_its_words_but_no_name(door: CityDoor, cookie: str) -> None:
    asked = {"who": "孙丽", "object": "/console/departments", "result": "permit"}
    search(door, cookie, **asked)
    api(door, **asked)
    told = [
        one
        for one in door.records()
        if one.kind is EventKind.OUTCOME and one.action == "audit:read" and "asked-object" in one.detail
    ]
    page, program = told[-2], told[-1]
    for event in (page, program):
        assert event.detail["asked-object"] == "/console/departments"
        assert event.detail["asked-result"] == "permit"
        assert event.detail["person"] == door.ids["sun"]
        assert "孙丽" not in str(event)


def test_no_record_holds_a_name_a_login_or_a_credential(door: CityDoor, cookie: str) -> None:
    secrets = [cookie, door.csrf(cookie), door.key("chen"), door.key("qian"), "eyJ", "孙丽", "钱国庆", "王秀英"]
    for event in door.records():
        assert not [secret for secret in secrets if secret in str(event)], event


def test_pages_follow_each_other_without_a_gap(door: CityDoor, cookie: str) -> None:
    import re
    from html import unescape

    for _ in range(55):
        door.ask("GET", "/api/v1/sessions", "wang")
    door.settle()
    target, seen = "/audit?who=%E7%8E%8B%E7%A7%80%E8%8B%B1", []
    while target:
        text = door.ask("GET", target, cookie=cookie, page=True).text
        seen += [int(leaf) for leaf in dict.fromkeys(re.findall(r"/audit/events/(\d+)", text))]
        more = re.search(r'href="(\?[^"]*before=\d+)"', text)
        target = "/audit" + unescape(more[1]) if more else ""
    assert seen == sorted(seen, reverse=True)
    assert set(seen) >= {item["leaf"] for item in api(door, who="王秀英")}
    assert len(seen) >= 56


def test_one_record_is_shown_with_its_proof(door: CityDoor, cookie: str) -> None:
    text = door.ask("GET", "/audit/events/0", cookie=cookie, page=True).text
    assert door.city.records.log.read(0).leaf_hash in text


@pytest.mark.parametrize("leaf", ["999999", "9" * 40, "x", "-1", "1.0"])
def test_a_record_that_never_was_is_not_found_and_no_alarm(door: CityDoor, cookie: str, leaf: str) -> None:
    answer = door.ask("GET", f"/audit/events/{leaf}", cookie=cookie, page=True)
    assert answer.status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("target", ["/audit", "/audit/events/0", "/api/v1/audit/events", "/api/v1/audit/events/0"])
def test_no_verb_changes_anything_at_the_audit_desks(door: CityDoor, cookie: str, method: str, target: str) -> None:
    answer = door.ask(method, target, "chen", json={})
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_a_flipped_byte_is_named_and_the_rest_can_still_be_searched(door: CityDoor, cookie: str) -> None:
    size = door.settle()
    bundle = max(
        (door.city.records.log.tiles / "tile/entries").rglob("*"),
        key=lambda path: (path.is_file(), path.stat().st_size),
    )
    content = bundle.read_bytes()
    leaf = next(n for n in range(size) if door.city.records.log.read(n).event.subject == door.ids["qian"])
    at = content.index(f'"subject":"{door.ids["qian"]}"'.encode()) + len('"subject":"')
    bundle.chmod(0o600)
    bundle.write_bytes(content[:at] + b"X" + content[at + 1 :])
    try:
        broken = door.ask("GET", f"/audit/events/{leaf}", cookie=cookie, page=True)
        assert broken.status == 500
        assert str(leaf) in broken.text
        assert door.ask("GET", f"/audit/events/{leaf + 1}", cookie=cookie, page=True).status == 200
        listed = search(door, cookie, who="钱国庆")
        assert listed.status == 200
        assert f"/audit/events/{leaf}" in listed.text
    finally:
        bundle.write_bytes(content)
