"""Machines and borders, on a city whose zones are in force; then each is broken where it lies, and the probe says so."""

import json

import pytest

from grading.assess import CONTROLS, assess
from grading.evidence import Evidence, Status
from tests.founded_city import CityDoor
from tests.grading.graded_city import ask_probe, facts, status_and_code, write_by_hand
from tests.personas import infra_asks


@pytest.fixture(autouse=True)
def in_force(city: CityDoor) -> None:
    infra_asks.in_force(city)


def test_a_rule_opened_in_the_data_plane_by_hand_is_told(city: CityDoor) -> None:
    assert status_and_code(ask_probe(city, "border_as_compiled")) == (Status.MET, "border-as-compiled")
    path = city.city.settings.data / "infra/zones.json"
    was = path.read_text()
    told = json.loads(was)
    one, other, *_ = told["interfaces"].values()
    told["passages"].append([one, other, "tcp", 22, "by-hand"])
    path.write_text(json.dumps(told))
    found = ask_probe(city, "border_as_compiled")
    assert status_and_code(found) == (Status.UNMET, "border-drift")
    assert "by-hand" in str(found.evidence[0].values["what"])
    path.write_text(was)
    assert status_and_code(ask_probe(city, "border_as_compiled")) == (Status.MET, "border-as-compiled")


def test_a_flow_that_nobody_answers_for_is_told(city: CityDoor) -> None:
    infra_asks.opened(city, {"zone": "core", "to": "extranet", "protocol": "tcp", "port": "8443"})
    assert status_and_code(ask_probe(city, "border_as_compiled")) == (Status.MET, "border-as-compiled")
    write_by_hand(city, "UPDATE flow SET owner = '' WHERE port = 8443")
    assert status_and_code(ask_probe(city, "border_as_compiled")) == (Status.PARTLY, "flows-unbounded")


@pytest.mark.parametrize(
    "written", ['{"interfaces": {}, "homes": {}, "passages": [["a", "b", "tcp", 1e999, ""]]}', "[" * 200_000]
)
def test_rules_that_nobody_can_read_are_no_border_and_no_crash(city: CityDoor, written: str) -> None:
    path = city.city.settings.data / "infra/zones.json"
    was = path.read_text()
    path.write_text(written)
    (border,) = assess(facts(city), controls=[one for one in CONTROLS if one.probe == "border_as_compiled"])
    assert (border.status, border.evidence[0].code) == (Status.NOT_ASSESSED, "probe-failed")
    assert city.ask("GET", "/zones", cookie=city.sign_in("zhou"), page=True).status == 200
    assert city.ask("GET", "/api/v1/zones/drift", "zhou").json["code"] == "data-plane-unavailable"
    path.write_text(was)


def test_a_city_without_zones_has_no_borders_to_be_asked_about(city: CityDoor) -> None:
    write_by_hand(city, "DELETE FROM zone", rows=3)
    assert status_and_code(ask_probe(city, "border_as_compiled")) == (Status.NOT_APPLICABLE, "no-zones")


def test_a_machine_moved_to_a_zone_below_the_label_is_named(city: CityDoor) -> None:
    assert status_and_code(ask_probe(city, "machines_in_zones")) == (Status.NOT_APPLICABLE, "no-machines")
    machine = infra_asks.machine(city, "housing")
    assert status_and_code(ask_probe(city, "machines_in_zones")) == (Status.MET, "machines-in-zones")
    write_by_hand(city, "UPDATE machine SET zone = 'internet' WHERE id = ?", machine)
    found = ask_probe(city, "machines_in_zones")
    assert found.evidence == (Evidence("machines-too-low", {"count": 1, "which": f"{machine} (internet)"}),)
