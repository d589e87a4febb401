"""What the probes are told of a real city: each part is broken where it lies, and the assessment's own facts say so."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import wiring as app
from assessing import Sources
from catalogue.share import Shares
from grading.control_answers import ControlAnswers
from grading.evidence import Evidence, Found, Status
from grading.probes import PROBES
from idp.keycloak.drift import differences
from tests.catalogue.shop import Shop, routes
from tests.founded_city import Door, opened
from tests.personas import infra_asks

S3A2 = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "property"}


@pytest.fixture
def city(founded: Path, tmp_path: Path) -> Iterator[Door]:
    """A city whose property records two people graded S3A2, with its zones in force."""
    with opened(founded, tmp_path / "city", routes=routes(tmp_path)) as door:
        infra_asks.in_force(door)
        asked = door.ask("POST", "/api/v1/systems/housing/grade", "zheng", json=S3A2).json["request"]
        approve = f"/api/v1/systems/housing/grade/approve/{asked}"
        assert door.ask("POST", approve, "feng", json={"verdict": "approve"}).status < 300
        assert door.ask("POST", f"/.citygate/resume/{asked}", "zheng").status < 300
        yield door


def ask(door: Door, probe: str) -> Found:
    stores = door.city.stores
    shares = Shares(stores.database, epochs=stores.epochs, clock=app.clock, mint=app.mint)
    answers = ControlAnswers(stores.database, clock=app.clock, mint=app.mint)
    return PROBES[probe](Sources(door.city, shares, answers, clock=app.clock).facts("housing", app.mint()))


def said(found: Found) -> tuple[Status, str]:
    (one,) = found.evidence
    return found.status, one.code


def by_hand(door: Door, statement: str, *values: object) -> None:
    """Behind the door's back."""
    with closing(sqlite3.connect(door.city.settings.data / "city.db")) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


@pytest.fixture
def later(city: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was written is too recent to be judged."""
    city.settle()
    monkeypatch.setattr(app, "clock", lambda now=app.clock: now() + timedelta(minutes=2))


@pytest.mark.usefixtures("later")
def test_a_row_changed_by_hand_contradicts_its_record(city: Door) -> None:
    assert said(ask(city, "acts_recorded")) == (Status.MET, "rows-agree")
    for table, row, column, hand, was in (
        ("system", "housing", "label", 2, 3),  # as the grade that two people gave it has it
        ("system", "housing", "a", 1, 2),
        ("system", "social", "label", 1, 2),  # as it was founded
        ("zone", "internet", "ceiling", 5, 1),
    ):
        change = f"UPDATE {table} SET {column} = ? WHERE id = ?"
        by_hand(city, change, hand, row)
        told = Evidence("rows-contradict", {"count": 1, "what": f"differs: {table} {row}"})
        assert ask(city, "acts_recorded").evidence == (told,)
        by_hand(city, change, was, row)
        assert said(ask(city, "acts_recorded")) == (Status.MET, "rows-agree")


@pytest.mark.usefixtures("later")
def test_a_system_whose_record_is_taken_out_is_told(city: Door) -> None:
    by_hand(city, "UPDATE system SET record = NULL, label = 1 WHERE id = 'housing'")
    assert ask(city, "acts_recorded").evidence[0].values["what"] == "no-record: system housing"


def test_a_rule_opened_in_the_data_plane_by_hand_is_told(city: Door) -> None:
    assert said(ask(city, "border_as_compiled")) == (Status.MET, "border-as-compiled")
    path = city.city.settings.data / "infra/zones.json"
    was = path.read_text()
    told = json.loads(was)
    one, other, *_ = told["interfaces"].values()
    told["passages"].append([one, other, "tcp", 22, "by-hand"])
    path.write_text(json.dumps(told))
    found = ask(city, "border_as_compiled")
    assert said(found) == (Status.UNMET, "border-drift")
    assert "by-hand" in str(found.evidence[0].values["what"])
    path.write_text(was)
    assert said(ask(city, "border_as_compiled")) == (Status.MET, "border-as-compiled")


def test_a_flow_that_nobody_answers_for_is_told(city: Door) -> None:
    infra_asks.opened(city, {"zone": "core", "to": "extranet", "protocol": "tcp", "port": "8443"})
    assert said(ask(city, "border_as_compiled")) == (Status.MET, "border-as-compiled")
    by_hand(city, "UPDATE flow SET owner = '' WHERE port = 8443")
    assert said(ask(city, "border_as_compiled")) == (Status.PARTLY, "flows-unbounded")


def test_a_machine_moved_to_a_zone_below_the_label_is_named(city: Door) -> None:
    assert said(ask(city, "machines_in_zones")) == (Status.NOT_APPLICABLE, "no-machines")
    machine = infra_asks.machine(city, "housing")
    assert said(ask(city, "machines_in_zones")) == (Status.MET, "machines-in-zones")
    by_hand(city, "UPDATE machine SET zone = 'internet' WHERE id = ?", machine)
    found = ask(city, "machines_in_zones")
    assert found.evidence == (Evidence("machines-too-low", {"count": 1, "which": f"{machine} (internet)"}),)


def test_a_share_whose_end_or_purpose_is_taken_out_is_named(city: Door) -> None:
    shop = Shop(city)
    share = shop.share(shop.resource("housing"), shop.app()[0]).id
    assert ask(city, "shares_bounded").evidence == (Evidence("shares-bounded", {"count": 1}),)
    for column in ("expires_at = NULL", "reason = ''"):
        by_hand(city, f"UPDATE assignment SET {column} WHERE id = ?", share)
        assert ask(city, "shares_bounded").evidence == (Evidence("shares-unbounded", {"count": 1, "ids": share}),)


def test_a_drill_counts_while_it_is_young_and_the_last_one_decides(city: Door) -> None:
    assert said(ask(city, "restore_drilled")) == (Status.UNMET, "never-drilled")
    assert city.work("backup")["status"] == "whole"
    drill = city.work("drill")
    assert drill["status"] == "passed", drill
    assert said(ask(city, "restore_drilled")) == (Status.MET, "drill-passed")
    then = (app.clock() - timedelta(days=31)).replace(tzinfo=None).isoformat(" ")  # grade 3: every 30 days
    by_hand(city, "UPDATE backup_work SET finished_at = ? WHERE id = ?", then, drill["id"])
    assert said(ask(city, "restore_drilled")) == (Status.UNMET, "drill-too-old")
    (newest,) = [one for one in city.city.settings.backup("repository").iterdir() if one.is_dir()]
    (newest / "city.db.sealed").unlink()
    assert city.work("drill")["status"] == "failed"
    assert said(ask(city, "restore_drilled")) == (Status.UNMET, "drill-failed")


def test_an_issuer_that_somebody_changed_is_told(city: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(ask(city, "issuer_as_wanted")) == (Status.NOT_ASSESSED, "issuer-without-settings")
    object.__setattr__(city.city.settings, "profile", "production")  # whose issuer does have settings
    assert said(ask(city, "issuer_as_wanted")) == (Status.MET, "issuer-as-wanted")
    changed = differences("realm", {"passwordPolicy": "length(12)"}, {"passwordPolicy": "length(1)"})
    monkeypatch.setattr(city.city.provisioner, "drift", lambda: changed)
    found = ask(city, "issuer_as_wanted")
    assert found.evidence == (Evidence("issuer-drift", {"count": 1, "what": "realm passwordPolicy"}),)
