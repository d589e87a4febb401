"""Machines and zones at the door: the whole walk of two people, what is refused and why, and that names are data."""

import json

import pytest

from audit.event import EventKind
from infra.errors import HypervisorUnavailable
from tests.founded_city import Answer, CityDoor, tomorrow

ASK = "/departments/housing/zones/{}/systems/{}/machines"
BODY = {"name": "web-1", "cpu": 2, "memory_gib": 4, "disk_gib": 20, "purpose": "窗口"}
FLOW = "/api/v1/zones/core/flows/extranet/tcp/443"
TERMS = {"owner": "housing", "reason": "接口"}
HOSTILE = ["<x>", "a\nb", "a;b", "-web", "../web", "Web", "", "x" * 64, "a b", "wéb", "\u202eweb"]


@pytest.fixture(autouse=True)
def in_force(door: CityDoor) -> None:
    assert door.ask("POST", "/api/v1/jobs/infra", "clock-job").status == 200


def by_two(door: CityDoor, target: str, asker: str, approver: str, body: dict[str, object]) -> Answer:
    """Asked for, approved by another, sent again."""
    asked = door.ask("POST", target, asker, json=body)
    assert (asked.status, asked.json["missing"]) == (403, "approver")
    request = asked.json["request"]
    approved = door.ask("POST", f"{target}/approve/{request}", approver, json={"verdict": "approve"})
    assert approved.status == 200, approved
    return door.ask("POST", f"/.citygate/resume/{request}", asker)


def test_a_machine_is_asked_for_approved_placed_stopped_and_deleted(door: CityDoor) -> None:
    made = by_two(door, f"/api/v1{ASK.format('core', 'housing')}", "sun", "zhou", BODY)
    assert (made.status, made.json["state"], made.json["zone"]) == (201, "running", "core")
    assert made.json["requested_by"] == door.ids["sun"]
    assert made.json["approved_by"] == door.ids["zhou"]
    told = next(one for one in reversed(door.records()) if one.kind == EventKind.OUTCOME and "machine" in one.detail)
    assert (told.id, told.detail["machine"]) == (made.json["record"], made.json["id"])
    machine = f"/api/v1/departments/housing/machines/{made.json['id']}"
    assert door.ask("POST", f"{machine}/stop", "sun").json["state"] == "stopped"
    assert door.ask("POST", f"{machine}/start", "zhou").json["state"] == "running"
    assert door.ask("DELETE", machine, "sun").json["state"] == "deleted"
    assert door.ask("DELETE", machine, "sun").json["code"] == "machine-unknown"
    usage = door.ask("GET", "/api/v1/departments/housing/usage", "sun").json
    assert (usage["closed"], [item["machine"] for item in usage["items"]][:1]) in (
        (False, [made.json["id"]]),
        (False, []),
    )


@pytest.mark.parametrize(("zone", "system", "reason"), [
    ("internet", "housing", "zone"), ("core", "marriage", "system"), ("nowhere", "housing", "zone"),
    ("core", "nothing", "system"),
])  # fmt: skip
def test_what_a_place_forbids_is_denied_without_anything_missing(
    door: CityDoor, zone: str, system: str, reason: str
) -> None:
    for prefix in ("", "/api/v1"):
        answer = door.ask("POST", prefix + ASK.format(zone, system), "sun", json=BODY)
        assert (answer.status, answer.json["reason"], answer.json.get("missing")) == (403, reason, None)


def test_the_page_of_the_denial_says_ceiling_and_label(door: CityDoor) -> None:
    cookie = door.sign_in("sun")
    shown = door.ask(
        "POST",
        ASK.format("internet", "housing") + "?lang=en",
        cookie=cookie,
        page=True,
        form={"csrf": door.csrf(cookie)},
    )
    assert shown.status == 403
    assert "Ceiling of the zone" in shown.text


def test_a_label_that_is_raised_closes_a_zone_at_once(door: CityDoor) -> None:
    import sqlalchemy as sa

    from authz import store

    def raise_to(label: int) -> None:
        with door.city.stores.database.transaction() as connection:
            connection.execute(sa.update(store.system).where(store.system.c.id == "housing").values(label=label))
            epoch = door.city.stores.epochs.bump(connection, [("policy", "housing")])
        door.city.deciding.effective(epoch)

    target = f"/api/v1{ASK.format('extranet', 'housing')}"
    assert door.ask("POST", target, "sun", json=BODY).json["missing"] == "approver"
    raise_to(3)
    assert door.ask("POST", target, "sun", json=BODY).json["reason"] == "zone"
    raise_to(2)


def test_the_form_shows_each_zone_with_the_decision_and_the_quota(door: CityDoor) -> None:
    cookie = door.sign_in("sun")
    shown = door.ask("GET", "/departments/housing/machines/new?system=housing&lang=en", cookie=cookie, page=True).text
    assert shown.count('formaction="/departments/housing/zones/') == 2
    assert 'formaction="/departments/housing/zones/internet/' not in shown
    assert "1, needed 2" in shown
    assert "0 of 16 taken, 16 left" in shown
    assert "System administrator" in shown


def test_over_quota_says_what_is_asked_left_and_who_can_raise_it(door: CityDoor) -> None:
    answer = by_two(door, f"/api/v1{ASK.format('core', 'housing')}", "sun", "wu", BODY | {"name": "big", "cpu": 17})
    assert (answer.status, answer.json["code"]) == (409, "quota-exceeded")
    (error,) = answer.json["errors"]
    assert error == {
        "field": "cpu", "code": "quota-exceeded", "asked": 17, "left": 16, "quota": 16, "raised_by": ["system-administrator"],
    }  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_by_field_and_never_said_back(door: CityDoor, name: str) -> None:
    """fault: a machine named with XML, a newline, `;`, a leading dash — 422 for that field; the name is not said back, nothing is placed."""
    answer = by_two(door, f"/api/v1{ASK.format('core', 'housing')}", "sun", "zhou", BODY | {"name": name})
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, ["name"])
    assert name not in answer.text or len(name) < 2
    assert name not in [
        one["name"] for one in door.ask("GET", "/api/v1/departments/housing/machines", "sun").json["items"]
    ]


@pytest.mark.parametrize("changes", [
    {"cpu": 0}, {"cpu": -1}, {"memory_gib": 5000}, {"disk_gib": 10**30}, {"cpu": "x"}, {"purpose": ""}, {"purpose": "a\u202eb"},
    {"purpose": "x" * 201},
])  # fmt: skip
def test_what_cannot_be_is_422_with_its_field(door: CityDoor, changes: dict[str, object]) -> None:
    answer = by_two(door, f"/api/v1{ASK.format('core', 'housing')}", "sun", "zhou", BODY | changes)
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, list(changes))


def test_a_flow_is_opened_by_two_tested_shown_and_closed(door: CityDoor) -> None:
    asking = "/api/v1/zones/core/flows/test?to=extranet&port=443"
    assert door.ask("GET", asking, "zhou").json["passes"] is False
    opened = by_two(door, FLOW, "zheng", "feng", TERMS | {"expires_at": tomorrow()})
    assert opened.status == 201
    answer = door.ask("GET", asking, "zheng").json
    assert (answer["passes"], answer["agrees"], answer["flow"]["id"], answer["plane"]) == (
        True,
        True,
        opened.json["id"],
        "simulated",
    )
    assert by_two(door, FLOW, "zheng", "feng", TERMS | {"expires_at": tomorrow()}).json["code"] == "flow-exists"
    (listed,) = door.ask("GET", "/api/v1/flows", "zhou").json["items"]
    assert (listed["opened_by"], listed["approved_by"]) == (door.ids["zheng"], door.ids["feng"])
    cookie = door.sign_in("zhou")
    page = door.ask("GET", "/zones?from=core&to=extranet&protocol=tcp&port=443&lang=en", cookie=cookie, page=True).text
    assert "It passes" in page
    assert f"Allowed by flow {opened.json['id']}" in page
    assert '<path class="flow"' in page
    assert door.ask("DELETE", FLOW, "feng").status == 200
    assert door.ask("GET", asking, "zhou").json["passes"] is False
    assert door.ask("GET", "/api/v1/zones/drift", "zhou").json["items"] == []


def test_the_list_of_machines_leads_only_whoever_may_go_there(door: CityDoor) -> None:
    made = by_two(door, f"/api/v1{ASK.format('core', 'housing')}", "sun", "zhou", BODY | {"name": "led"})
    there = '<a href="/departments/housing/machines">led</a>'
    for who, led in (("zhou", True), ("zheng", False)):
        shown = door.ask("GET", "/zones", cookie=door.sign_in(who), page=True).text
        assert "房产查询" in shown
        assert (there in shown) is led
    assert door.ask("DELETE", f"/api/v1/departments/housing/machines/{made.json['id']}", "sun").status == 200


def test_what_was_opened_by_hand_is_shown_and_named_in_the_record_that_ends_it(door: CityDoor) -> None:
    path = door.city.settings.data / "infra/zones.json"
    told = json.loads(path.read_text())
    told["passages"].append(["zn-internet", "zn-core", "tcp", 22, "hand"])
    path.write_text(json.dumps(told))
    (found,) = door.ask("GET", "/api/v1/zones/drift", "zheng").json["items"]
    assert "zn-internet . zn-core . tcp . 22" in found["found"]
    cookie = door.sign_in("zhou")
    assert "zn-internet . zn-core . tcp . 22" in door.ask("GET", "/zones", cookie=cookie, page=True).text
    assert door.ask("POST", "/api/v1/zones/apply", "zhou").json["items"] == [found]
    record = next(
        one for one in reversed(door.records()) if one.kind == EventKind.OUTCOME and one.action == "zone:apply"
    )
    assert "zn-internet . zn-core . tcp . 22" in str(record.detail["by-hand"])
    assert door.ask("GET", "/api/v1/zones/drift", "zhou").json["items"] == []


def test_the_rules_are_kept_also_while_the_hypervisor_does_not_answer(
    door: CityDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise HypervisorUnavailable

    path = door.city.settings.data / "infra/zones.json"
    told = json.loads(path.read_text())
    told["passages"].append(["zn-internet", "zn-core", "tcp", 22, "over"])  # as of a flow that has run out since
    path.write_text(json.dumps(told | {"digest": "before"}))
    with monkeypatch.context() as patch:
        patch.setattr(door.city.rooms.infra.machines.hypervisor, "list", away)
        assert door.ask("POST", "/api/v1/jobs/infra", "clock-job").status == 503
    assert door.ask("GET", "/api/v1/zones/drift", "zhou").json["items"] == []


@pytest.mark.parametrize("target", [
    "/api/v1/zones/core/flows/core/tcp/443", "/api/v1/zones/core/flows/extranet/icmp/1", "/api/v1/zones/core/flows/extranet/tcp/0",
    "/api/v1/zones/core/flows/extranet/tcp/65536", "/api/v1/zones/core/flows/extranet/tcp/0443", "/api/v1/zones/Core/flows/x/tcp/1",
    "/api/v1/zones/%3Cx%3E/flows/extranet/tcp/1", "/api/v1/zones/-core/flows/extranet/tcp/1",
])  # fmt: skip
def test_a_path_that_names_no_flow_is_422(door: CityDoor, target: str) -> None:
    assert door.ask("DELETE", target, "zheng").status == 422
    assert door.ask("GET", "/api/v1/flows", "zheng").json["items"] == []


@pytest.mark.parametrize(
    "query",
    ["to=core&port=1", "to=%3Cx%3E&port=443", "to=extranet&port=x", "to=extranet&port=443&protocol=gre", "port=443"],
)
def test_a_question_that_names_no_flow_is_422(door: CityDoor, query: str) -> None:
    answer = door.ask("GET", f"/api/v1/zones/core/flows/test?{query}", "zhou")
    assert answer.status == 422
    assert "<x>" not in answer.text


def test_a_flow_needs_an_owner_who_exists_a_reason_and_an_end_within_a_year(door: CityDoor) -> None:
    for changes, field in (({"owner": "nobody"}, "owner"), ({"reason": ""}, "reason"), ({"expires_at": "2020-01-01T00:00:00Z"}, "until"),
                           ({"expires_at": tomorrow(999)}, "until")):  # fmt: skip
        answer = by_two(door, FLOW, "zheng", "feng", {**TERMS, "expires_at": tomorrow(), **changes})
        assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_a_quota_is_set_by_a_system_administrator_within_the_one_above(door: CityDoor) -> None:
    target = "/api/v1/departments/housing/quota"
    too_much = door.ask("PUT", target, "zhou", json={"cpu": 65, "memory_gib": 1, "disk_gib": 1})
    assert (too_much.status, too_much.json["code"], too_much.json["errors"][0]["left"]) == (409, "quota-conflict", 64)
    assert door.ask("PUT", target, "zhou", json={"cpu": 16, "memory_gib": 64, "disk_gib": 1000}).status == 200
    assert door.ask("GET", target, "sun").json["holder"] == "housing"


def test_a_month_that_is_none_is_422(door: CityDoor) -> None:
    for text in ("2026-13", "x", "%3Cx%3E", "2099-01"):
        assert door.ask("GET", f"/api/v1/departments/housing/usage?month={text}", "sun").status == 422
