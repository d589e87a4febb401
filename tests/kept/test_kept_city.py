"""A city that an older version founded and used goes on: its log, its rows, and everything that waits in it."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit.verify import verify
from console.shell.objects import ObjectNames
from tests.founded_city import CityDoor
from tests.kept.acts import Browser, approve, send_again
from tests.kept.kept_city import facts, kept_city

REQUESTS: list[dict[str, Any]] = facts()["requests"]
WAITING = [one for one in REQUESTS if one["state"] == "waiting"]
APPROVED = [one for one in REQUESTS if one["state"] == "approved"]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    with kept_city(tmp_path_factory.mktemp("kept")) as ready:
        yield ready


def _named(one: dict[str, Any]) -> str:
    return f"{one['kind']} by {one['by']}"


def _is_intact_and_agrees(door: CityDoor) -> bool:
    size, log = door.settle(), door.city.records.log
    report = verify(log.tiles, spools=log.spools, index=log.index, key=log.key, origin=log.origin)
    assert (report.status, report.findings, report.records >= size) == ("intact", (), True), report
    answer = door.ask("GET", "/api/v1/audit/reconcile", "chen").json
    assert (answer["found"], answer["items"]) == (0, []), answer
    return bool(answer["rows"])


def test_its_log_is_intact_and_agrees_with_its_rows(door: CityDoor) -> None:
    assert _is_intact_and_agrees(door)


def test_every_object_of_old_is_found(door: CityDoor) -> None:
    door.settle()
    lost = {}
    for name, leaves in facts()["objects"].items():
        found, cursor = set[int](), ""
        while not found >= set(leaves):
            answer = door.ask("GET", f"/api/v1/audit/events?object={name}{cursor}", "chen").json
            found |= {one["leaf"] for one in answer["items"]}
            if not answer["next_cursor"]:
                break
            cursor = f"&cursor={answer['next_cursor']}"
        if missing := set(leaves) - found:
            lost[name] = missing
    assert len(facts()["objects"]) > 50
    assert lost == {}


def test_a_session_and_a_key_of_old_still_sign_in(door: CityDoor) -> None:
    home = Browser(door, "wang", cookie=facts()["session"]).get("/")
    assert (home.status, "王秀英" in home.text) == (200, True)
    assert door.ask("GET", "/api/v1/sessions", "wang").status == 200


def test_what_was_sealed_opens(door: CityDoor) -> None:
    place = "/api/v1/departments/civil/keys"
    opened = door.ask("POST", f"{place}/key-1/decrypt", "zhao", json={"ciphertext": facts()["ciphertext"]})
    assert (opened.status, opened.json["plaintext"]) == (200, "5rCR")


def test_what_was_given_is_still_held(door: CityDoor) -> None:
    held = door.ask("GET", f"/api/v1/departments/civil-registry/people/{door.ids['zhao']}/assignments", "qian").json
    assert [one["role"] for one in held["items"]].count("marriage-clerk") == 2
    machines = door.ask("GET", "/api/v1/departments/civil/machines", "qian").json["items"]
    assert {one["name"] for one in machines} >= {"vm-91", "vm-92"}
    assert {"7091", "7092"} <= _open_ports(door)
    assert {"7001", "7002"} & _open_ports(door) == set()
    systems = {one["id"]: one for one in door.ask("GET", "/api/v1/systems", "zheng").json["items"]}
    assert (systems["social"]["s"], systems["social"]["a"]) == (3, 2)


@pytest.mark.parametrize("one", REQUESTS, ids=lambda one: f"{_named(one)}, {one['state']}")
def test_what_is_parked_is_shown_to_whoever_asked(door: CityDoor, one: dict[str, Any]) -> None:
    shown = door.ask("GET", f"/api/v1/requests/{one['id']}", one["asks"])
    assert shown.status == 200, shown
    assert shown.json["verdict"] in (("approved",) if one["state"] != "waiting" else ("", "approved"))
    assert one["id"] in Browser(door, one["asks"]).get("/requests").text


def test_what_was_rejected_stays_so(door: CityDoor) -> None:
    shown = door.ask("GET", f"/api/v1/requests/{facts()['rejected']}", "qian").json
    assert (shown["verdict"], shown["reason"]) == ("rejected", "不在本月")


@pytest.mark.parametrize("one", APPROVED, ids=_named)
def test_what_was_approved_is_sent_and_does_its_thing(door: CityDoor, one: dict[str, Any]) -> None:
    assert not _is_done(door, one)
    send_again(door, one["id"], one["asks"], one["by"])
    assert _is_done(door, one)


@pytest.mark.parametrize("one", WAITING, ids=_named)
def test_what_waits_is_shown_to_who_may_approve_and_then_does_its_thing(door: CityDoor, one: dict[str, Any]) -> None:
    approver, requester = Browser(door, one["approves"]), Browser(door, one["asks"])
    assert one["id"] in approver.get("/requests").text
    listed = door.ask("GET", "/api/v1/requests?of=waiting", one["approves"]).json["items"]
    assert [each["id"] for each in listed].count(one["id"]) == 1
    assert requester.post(f"/.citygate/resume/{one['id']}").status == 409
    approve(door, one["path"], one["id"], one["approves"], one["by"])
    assert not _is_done(door, one)
    send_again(door, one["id"], one["asks"], one["by"])
    assert _is_done(door, one)


def test_what_waits_for_a_code_is_sent_after_one(door: CityDoor) -> None:
    parked = facts()["step_up"]
    strong = Browser(door, parked["asks"])
    assert strong.get(f"/.citygate/resume/{parked['id']}").status == 200
    assert strong.post(f"/.citygate/resume/{parked['id']}").status < 400
    given = [one.detail for one in door.records() if (one.kind, one.action) == ("outcome", "role:assign")]
    assert given[-1]["reason"] == parked["reason"]


def test_a_backup_and_a_drill_still_follow_those_of_old(door: CityDoor) -> None:
    before = [door.ask("GET", f"/api/v1/{kind}s", "zhou").json["items"] for kind in ("backup", "drill")]
    assert [[one["status"] for one in each] for each in before] == [["whole"], ["passed"] * 2]
    assert door.work("drill")["status"] == "passed"
    assert door.work("backup")["status"] == "whole"


def test_after_all_that_the_log_is_intact_and_agrees(door: CityDoor) -> None:
    assert _is_intact_and_agrees(door)


def _open_ports(door: CityDoor) -> set[str]:
    flows = door.ask("GET", "/api/v1/flows", "feng").json["items"]
    return {str(one["port"]) for one in flows}


def _is_done(door: CityDoor, one: dict[str, Any]) -> bool:
    """Whether what was asked for is there."""
    number = one["number"]
    if one["kind"] == "machine":
        machines = door.ask("GET", "/api/v1/departments/civil/machines", "qian").json["items"]
        return f"vm-{number}" in {each["name"] for each in machines}
    if one["kind"] == "flow":
        return str(7000 + number) in _open_ports(door)
    if one["kind"] == "key":
        versions = door.ask("GET", f"/api/v1/departments/civil/keys/key-{number}", "feng").json["versions"]
        return len(versions) == 2
    if one["kind"] == "share":
        shares = door.ask("GET", f"/api/v1/catalogue/{facts()['resource']}", "qian").json["shares"]
        return one["app"] in {each["app"] for each in shares}
    return _came_of(door, one) == ["S3A2"]


def _came_of(door: CityDoor, one: dict[str, Any]) -> list[Any]:
    """The grades that were given because of this request, as the log tells it."""
    records = door.records()
    sent = {each.id for each in records if (each.kind, each.detail.get("request")) == ("decision", one["id"])}
    return [
        each.detail["grade"]
        for each in records
        if each.kind == "outcome" and each.id in sent and "grade" in each.detail
    ]


def test_an_object_of_old_is_found_by_its_name_of_today(door: CityDoor) -> None:
    """Page and API of one act had an object each; whoever knows the one of today finds the records of both."""
    door.settle()
    names = ObjectNames(door.city.routing.desks)
    renamed = {name: names.today(name) for name in facts()["objects"] if names.today(name) != name}
    assert len(renamed) > 20
    lost = {}
    for name, today in renamed.items():
        newest = max(facts()["objects"][name])
        answer = door.ask("GET", f"/api/v1/audit/events?object={today}&cursor={newest + 1}", "chen").json
        if newest not in {one["leaf"] for one in answer["items"]}:
            lost[name] = today
    assert lost == {}
