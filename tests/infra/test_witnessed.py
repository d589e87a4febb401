"""What the door wrote of machines, flows and quotas is what their records say; a row changed past it is named."""

import pytest

from tests.founded_city import CityDoor, tomorrow

SIZE = {"cpu": 1, "memory_gib": 1, "disk_gib": 1}
FLOW = "/api/v1/zones/extranet/flows/core/tcp/443"
PLACED = "/api/v1/departments/housing/zones/core/systems/housing/machines"


def approved(door: CityDoor, method: str, target: str, who: str, by: str, body: dict[str, object]) -> dict[str, object]:
    """Asked for, approved by a second person, and sent again."""
    request = door.ask(method, target, who, json=body).json["request"]
    assert door.ask("POST", f"{target}/approve/{request}", by, json={"verdict": "approve"}).status < 400
    answer = door.ask("POST", f"/.citygate/resume/{request}", who)
    assert answer.status < 400, answer
    return answer.json


@pytest.fixture(scope="module")
def written(door: CityDoor) -> dict[str, object]:
    """A machine that was placed and stopped, a flow that was opened and closed, another that is open, and a quota."""
    machine = approved(door, "POST", PLACED, "sun", "zhou", {"name": "web-1", "purpose": "test", **SIZE})
    path = f"/api/v1/departments/housing/machines/{machine['id']}"
    assert door.ask("POST", f"{path}/stop", "sun").status == 200
    terms = {"owner": "housing", "expires_at": tomorrow(), "reason": "test"}
    approved(door, "POST", FLOW, "zheng", "feng", terms)
    assert door.ask("DELETE", FLOW, "zheng").status == 200
    approved(door, "POST", FLOW, "zheng", "feng", terms)
    quota = {"cpu": 8, "memory_gib": 32, "disk_gib": 500}
    assert door.ask("PUT", "/api/v1/departments/housing/quota", "zhou", json=quota).status == 200
    return machine


def found(door: CityDoor, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    monkeypatch.setattr("audit.reconcile.is_recent", lambda _record, _now: False)
    door.settle()
    answer = door.ask("GET", "/api/v1/audit/reconcile", "chen").json
    return {(one["table"], one["id"]) for one in answer["items"]}


def test_every_row_of_machines_and_zones_agrees_with_its_record(
    door: CityDoor, written: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(door, monkeypatch) == set()
    assert door.undeclared() == set()


def test_a_machine_moved_past_the_door_is_named(
    door: CityDoor, written: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with door.city.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE machine SET zone = 'internet'")
    assert found(door, monkeypatch) == {("machine", str(written["id"]))}
    with door.city.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE machine SET zone = 'core'")
