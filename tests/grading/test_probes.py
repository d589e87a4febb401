"""Each probe, on a city that really is so; then the control is broken, and the probe says what broke."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import wiring as app
from audit.tiles import CHECKPOINT
from authz.label import Label
from authz.policy import Assignment, Rule
from authz.request import Effect
from catalogue.app_key import Apps
from city_keys import sealed_places
from console.grading_words import EVIDENCE
from gateway.routes import Route, load_routes
from grading.classify import Grade
from grading.evidence import Border, Drilled, Facts, Found, Placed, Share, Status
from grading.probes import PROBES
from tests.founded_city import Door, opened

ROUTES = Path(__file__).parents[2] / "deploy/demo/routes.toml"


@pytest.fixture
def city(founded: Path, tmp_path: Path) -> Iterator[Door]:
    with opened(founded, tmp_path / "city") as door:
        yield door


@pytest.fixture
def facts(city: Door) -> Facts:
    record = app.mint()
    found = city.city
    labels = {"housing": Label.L3, "marriage": Label.L2, "social": Label.L2}
    text = ROUTES.read_text()
    for name in ("marriage", "housing", "social"):
        text = text.replace(f"${{{name}}}", "http://127.0.0.1:9")
    text = text.replace("${domain}", "localhost").replace("${forward_auth}", "false")
    routes = found.settings.data / "run/probed.toml"
    routes.write_text(text)
    housing = [route for route in load_routes(routes, labels=labels) if route.system == "housing"]
    return Facts(
        system="housing", department="housing", grade=Grade(3, 2), label=3, routes=housing,
        desks=[route for route in found.routes.routes if route.system == "console"],
        policies=found.policies(), database=found.stores.database, log=found.log, keys=found.settings.data / "keys",
        seal=found.seal, sealed=sealed_places(found.stores), origin="https://console.city.example", now=app.clock(), record=record,
        second_factors=found.provisioner.with_second_factor, issuer_drift=lambda: (), contradictions=lambda: (),
        drilled=lambda: None, border=lambda: None, machines=lambda: (), shares=lambda: (), answered=lambda _: None,
    )  # fmt: skip


def ask(probe: str, facts: Facts, **changed: Any) -> Found:
    found = PROBES[probe](replace(facts, **changed))
    for one in found.evidence:
        assert EVIDENCE[one.code] % one.values, "it can be said on a page"
    return found


def codes(found: Found) -> list[str]:
    return [one.code for one in found.evidence]


def test_an_administrator_whose_second_factor_is_removed_is_named(city: Door, facts: Facts) -> None:
    assert ask("second_factor", facts).status is Status.MET
    with sqlite3.connect(city.city.settings.data / "issuer/accounts.db") as accounts:
        accounts.execute("UPDATE account SET seed = NULL WHERE login = 'chen'")
    found = ask("second_factor", facts)
    assert (found.status, codes(found)) == (Status.UNMET, ["administrators-without-second-factor"])
    assert found.evidence[0].values == {"count": 1, "who": city.ids["chen"]}


def test_a_desk_of_administrators_that_a_password_opens_is_named(facts: Facts) -> None:
    desks = [replace(one, label=Label.L2) if one.path == "/audit" else one for one in facts.desks]
    found = ask("second_factor", facts, desks=desks)
    assert (found.status, found.evidence[0].values) == (Status.UNMET, {"paths": "/audit"})


def test_an_issuer_that_differs_is_no_pass_and_one_without_settings_is_not_assessed(facts: Facts) -> None:
    assert ask("issuer_as_wanted", facts).status is Status.MET
    assert ask("issuer_as_wanted", facts, issuer_drift=lambda: ["realm passwordPolicy"]).status is Status.UNMET
    assert ask("issuer_as_wanted", facts, issuer_drift=lambda: None).status is Status.NOT_ASSESSED


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://console.city.example", Status.MET),
        ("http://console.localhost:8080", Status.PARTLY),
        ("http://console.city.example", Status.UNMET),
        ("http://localhost.city.example", Status.UNMET),
    ],
)
def test_desks_without_tls_are_no_pass(facts: Facts, origin: str, status: Status) -> None:
    assert ask("remote_administration", facts, origin=origin).status is status


def test_an_office_that_nobody_used_is_named(city: Door, facts: Facts) -> None:
    assert ask("accounts_in_use", facts).status is Status.MET
    later = facts.now + timedelta(days=91)
    assert ask("accounts_in_use", facts, now=later).status is Status.UNMET
    city.sign_in("chen")
    with facts.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE session SET seen_at = ?", (later.replace(tzinfo=None).isoformat(" "),))
    found = ask("accounts_in_use", facts, now=later)
    assert city.ids["chen"] not in str(found.evidence[0].values["who"])


def test_one_person_in_two_offices_is_named(city: Door, facts: Facts) -> None:
    assert ask("offices_separated", facts).status is Status.MET
    both = Assignment(
        id="x",
        subject=city.ids["zhou"],
        role="audit-administrator",
        department="city",
        clearance=Label.L3,
        expires_at=None,
    )
    held = [*facts.policies.assignments_of(city.ids["zhou"]), both]
    policies = facts.policies.with_subject(city.ids["zhou"], held, version=9)
    found = ask("offices_separated", facts, policies=policies)
    assert (found.status, found.evidence[0].values["who"]) == (Status.UNMET, city.ids["zhou"])


def test_an_office_nobody_holds_is_named(city: Door, facts: Facts) -> None:
    policies = facts.policies
    for who in ("chen", "chu"):
        policies = policies.with_subject(city.ids[who], [], version=9)
    found = ask("offices_separated", facts, policies=policies)
    assert (found.status, found.evidence[0].values) == (Status.UNMET, {"offices": "audit-administrator"})


def test_a_rule_that_lets_anybody_in_is_found_by_asking_the_pdp(facts: Facts) -> None:
    assert ask("default_deny", facts).status is Status.MET
    open_rule = Rule(
        id="oops", subject="anonymous", department="housing", object="/housing/certificates/*", action="read",
        effect=Effect.PERMIT,
    )  # fmt: skip
    from authz.policy import PolicySet

    policies = PolicySet.build([*facts.policies.rules.values(), open_rule], [], version=9)
    found = ask("default_deny", facts, policies=policies)
    assert found.status is Status.UNMET
    assert "anonymous read /certificates/**" in str(found.evidence[0].values["what"])


def test_a_label_that_does_not_follow_from_the_grade_is_no_pass(facts: Facts) -> None:
    assert ask("objects_labelled", facts, label=2).status is Status.UNMET
    fitting = [route for route in facts.routes if route.registered or route.label >= 3]
    assert fitting
    assert ask("objects_labelled", facts, routes=fitting).status is Status.MET


def test_a_write_below_the_grade_is_only_partly_met(facts: Facts) -> None:
    low = Route(
        host="housing.localhost", path="/low", system="housing", department="housing", actions={"POST": "file"},
        label=Label.L2, upstream="http://127.0.0.1:9",
    )  # fmt: skip
    found = ask("objects_labelled", facts, routes=[*facts.routes, low])
    assert (found.status, found.evidence[0].values["paths"]) == (Status.PARTLY, "/applications, /low")


def test_a_secret_in_plain_text_is_named_by_its_row(city: Door, facts: Facts) -> None:
    assert ask("secrets_sealed", facts).status is Status.NOT_APPLICABLE
    city.sign_in("wang")
    assert ask("secrets_sealed", facts).status is Status.MET
    for plain in (b"eyJhbGciOi" * 12, b"\x01" + b"eyJhbGciOi" * 12, b"\x02" + b"eyJhbGciOi" * 12):
        with facts.database.transaction() as connection:
            connection.execute(sa.text("UPDATE session SET id_token = :plain"), {"plain": plain})
        found = ask("secrets_sealed", facts)
        assert (found.status, found.evidence[0].values["table"]) == (Status.UNMET, "session.id_token")


def test_the_secret_of_an_app_is_no_exception(city: Door, facts: Facts) -> None:
    apps = Apps(facts.database, facts.seal, epochs=city.city.stores.epochs, clock=app.clock, mint=app.mint)
    apps.create("checker", department_id="civil", actor="x", record=app.mint(), told={})
    assert ask("secrets_sealed", facts).evidence[0].values == {"count": 1}
    with facts.database.transaction() as connection:
        connection.execute(sa.text("UPDATE app SET sealed = :plain"), {"plain": b"s" * 64})
    assert ask("secrets_sealed", facts).evidence[0].values["table"] == "app.sealed"


def test_a_key_file_that_others_can_read_is_named(facts: Facts) -> None:
    assert ask("keys_protected", facts).status is Status.MET
    (facts.keys / "kek.key").chmod(0o640)
    found = ask("keys_protected", facts)
    assert (found.status, found.evidence[0].values) == (Status.UNMET, {"names": "kek.key"})


def test_a_share_without_an_end_or_a_purpose_is_no_pass(facts: Facts) -> None:
    good = Share(id="1", purpose="check", until=facts.now)
    assert ask("shares_bounded", facts, shares=lambda: [good]).status is Status.MET
    for bad in (replace(good, until=None), replace(good, purpose="")):
        assert ask("shares_bounded", facts, shares=lambda bad=bad: [good, bad]).status is Status.UNMET


def test_rows_that_contradict_their_records_are_told(facts: Facts) -> None:
    assert ask("acts_recorded", facts).status is Status.MET
    assert ask("acts_recorded", facts, contradictions=lambda: ["assignment 01: differs"]).status is Status.UNMET


def test_a_flipped_byte_in_the_log_is_no_pass(city: Door, facts: Facts) -> None:
    city.ask("GET", "/", "wang")
    city.settle()
    assert ask("log_intact", facts).status is Status.MET
    entries = next(path for path in sorted((facts.log.tiles / "tile/entries").rglob("*")) if path.is_file())
    data = bytearray(entries.read_bytes())
    data[len(data) // 2] ^= 1
    entries.chmod(0o600)
    entries.write_bytes(data)
    assert ask("log_intact", facts).status is Status.UNMET


def test_a_log_that_cannot_be_read_is_not_assessed(city: Door, facts: Facts) -> None:
    city.settle()
    (facts.log.tiles / CHECKPOINT).unlink()
    shutil.rmtree(facts.log.tiles / "tile")
    assert ask("log_intact", facts).status is Status.NOT_ASSESSED


def test_a_log_that_nobody_integrates_is_noticed(city: Door, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = city.ask("GET", "/", "wang")
    identifier = next(event.id for event in reversed(city.records()) if event.action == "read")
    assert answer.status == 200
    assert ask("log_goes_on", facts, record=identifier).status is Status.MET
    monkeypatch.setattr("grading.probes.records._INTEGRATED_SECONDS", 0.3)
    assert ask("log_goes_on", facts, record=app.mint()).status is Status.UNMET


def test_only_a_passed_drill_in_time_counts(facts: Facts) -> None:
    drilled = Drilled(at=facts.now, passed=True, record="01R", valid_for=timedelta(days=30))
    said = {
        "drill-passed": drilled,
        "drill-failed": replace(drilled, passed=False),
        "drill-too-old": replace(drilled, at=facts.now - timedelta(days=31)),
        "never-drilled": None,
    }
    for code, one in said.items():
        found = ask("restore_drilled", facts, drilled=lambda one=one: one)
        assert (codes(found), found.status is Status.MET) == ([code], code == "drill-passed")


def test_a_border_that_differs_or_has_flows_without_end_is_no_pass(facts: Facts) -> None:
    for border, status in (
        (None, Status.NOT_APPLICABLE),
        (Border(drift=(), unbounded=()), Status.MET),
        (Border(drift=("tcp 22 opened",), unbounded=()), Status.UNMET),
        (Border(drift=(), unbounded=("a→b",)), Status.PARTLY),
    ):
        assert ask("border_as_compiled", facts, border=lambda border=border: border).status is status


def test_a_machine_below_the_label_is_named(facts: Facts) -> None:
    fine, low = Placed(machine="m1", zone="core", ceiling=3), Placed(machine="m2", zone="internet", ceiling=2)
    assert ask("machines_in_zones", facts).status is Status.NOT_APPLICABLE
    assert ask("machines_in_zones", facts, machines=lambda: [fine]).status is Status.MET
    found = ask("machines_in_zones", facts, machines=lambda: [fine, low])
    assert (found.status, found.evidence[0].values["which"]) == (Status.UNMET, "m2 (internet)")
