"""A hypervisor that refuses, at the door: rows are written before it is asked, and the outcome says what they became."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.event import Event, EventKind
from infra.errors import HypervisorRefused, HypervisorUnavailable
from infra.hypervisor import Hypervisor
from tests.founded_city import Answer, CityDoor
from tests.founded_city import open_founded_city as opened_city

SIZE = {"cpu": 1, "memory_gib": 1, "disk_gib": 1}
PLACED = "/departments/housing/zones/core/systems/housing/machines"
MACHINES = "/departments/housing/machines"
Send = Callable[[str, dict[str, object]], Answer]


@pytest.fixture
def door(founded: Path, tmp_path: Path) -> Iterator[CityDoor]:
    with opened_city(founded, tmp_path / "city") as city:
        yield city


@pytest.fixture(params=["page", "api"])
def send(door: CityDoor, request: pytest.FixtureRequest) -> Send:
    """Sun sends it, by a page of hers or as a program; where a second person is needed, Zhou agrees."""
    if request.param == "page":
        sun, zhou = door.sign_in("sun"), door.sign_in("zhou")

        def post(target: str, cookie: str, body: dict[str, object]) -> Answer:
            form = {"csrf": door.csrf(cookie)} | {name: str(value) for name, value in body.items()}
            return door.ask("POST", target, cookie=cookie, page=True, form=form)
    else:
        sun, zhou = "sun", "zhou"

        def post(target: str, cookie: str, body: dict[str, object]) -> Answer:
            return door.ask("POST", target if target.startswith("/.") else f"/api/v1{target}", cookie, json=body)

    def send_it(target: str, body: dict[str, object]) -> Answer:
        answer = post(target, sun, body)
        if answer.status != 403:
            return answer
        (waiting,) = door.ask("GET", "/api/v1/requests", "zhou").json["items"]
        approved = post(f"{target}/approve/{waiting['id']}", zhou, {"verdict": "approve"})
        assert approved.status < 400, approved
        return post(f"/.citygate/resume/{waiting['id']}", sun, {})

    return send_it


def refuse(hypervisor: Hypervisor, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    def refuse_it(*_: object) -> None:
        raise HypervisorRefused

    monkeypatch.setattr(hypervisor, act, refuse_it)


def last_outcome(door: CityDoor, action: str) -> Event:
    return [one for one in door.records() if one.kind == EventKind.OUTCOME and one.action == action][-1]


def unexplained(door: CityDoor, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What the reconciliation names."""
    monkeypatch.setattr("audit.reconcile.is_recent", lambda _record, _now: False)
    door.settle()
    items: list[dict[str, str]] = door.ask("GET", "/api/v1/audit/reconcile", "chen").json["items"]
    return items


def test_a_machine_that_is_refused_is_witnessed_as_deleted(
    door: CityDoor, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(door.city.rooms.infra.machines.hypervisor, monkeypatch, "create")
    answer = send(PLACED, {"name": "web-1", "purpose": "test", **SIZE})
    assert answer.status == 502
    outcome = last_outcome(door, "machine:request")
    assert (outcome.result, outcome.status) == ("failed", 502)
    assert {key.partition(" ")[0] for key in outcome.detail} >= {"machine", "machine_change"}
    assert unexplained(door, monkeypatch) == []
    assert door.undeclared() == set()


def test_a_change_that_is_refused_is_witnessed_as_taken_back(
    door: CityDoor, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(PLACED, {"name": "web-1", "purpose": "test", **SIZE}).status < 400
    (machine,) = door.ask("GET", f"/api/v1{MACHINES}", "sun").json["items"]
    refuse(door.city.rooms.infra.machines.hypervisor, monkeypatch, "stop")
    answer = send(f"{MACHINES}/{machine['id']}/stop", {})
    assert answer.status == 502
    outcome = last_outcome(door, "machine:stop")
    assert (outcome.result, outcome.status, outcome.reason) == ("failed", 502, "unfinished")
    assert f"machine {machine['id']}" in outcome.detail
    (now,) = door.ask("GET", f"/api/v1{MACHINES}", "sun").json["items"]
    assert (now["state"], now["wanted"], now["change_record"]) == ("running", "running", outcome.id)
    assert unexplained(door, monkeypatch) == []


def test_what_a_job_settled_before_the_hypervisor_went_away_is_witnessed(
    door: CityDoor, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    hypervisor = door.city.rooms.infra.machines.hypervisor

    def go_away(*_: object) -> None:
        raise HypervisorUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(hypervisor, "create", go_away)
        assert send(PLACED, {"name": "web-1", "purpose": "test", **SIZE}).status < 400
    with monkeypatch.context() as patch:
        patch.setattr(hypervisor, "list", go_away)
        assert door.ask("POST", "/api/v1/jobs/infra", "clock-job").status == 503
    (machine,) = door.ask("GET", f"/api/v1{MACHINES}", "sun").json["items"]
    outcome = last_outcome(door, "job:run")
    assert (machine["state"], machine["change_record"]) == ("running", outcome.id)
    assert (outcome.reason, f"machine {machine['id']}" in outcome.detail) == ("unfinished", True)
    assert unexplained(door, monkeypatch) == []
