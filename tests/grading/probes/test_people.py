"""Who administers, on a city that really is so; then it is broken where it lies, and the probe says what broke."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from authz.label import Label
from authz.store import assignment
from city.clock import clock
from city.identifiers import mint
from grading.evidence import Evidence, Status
from grading.probes import PROBES
from tests.founded_city import CityDoor
from tests.grading.graded_city import ask_probe, facts, graded_city, reload_facts, status_and_code, write_by_hand

UNUSED = timedelta(days=91)


def test_an_administrator_whose_second_factor_is_removed_is_named(city: CityDoor) -> None:
    assert ask_probe(city, "second_factor").status is Status.MET
    write_by_hand(city, "UPDATE account SET seed = NULL WHERE login = 'chen'", database="issuer/accounts.db")
    found = ask_probe(city, "second_factor")
    assert status_and_code(found) == (Status.UNMET, "administrators-without-second-factor")
    assert found.evidence[0].values == {"count": 1, "who": city.ids["chen"]}


def test_a_desk_of_administrators_that_a_password_opens_is_named(
    founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.audit.routes.SECRET", Label.L2)
    with graded_city(founded, tmp_path) as city:
        found = ask_probe(city, "second_factor")
    assert status_and_code(found) == (Status.UNMET, "desks-without-second-factor")
    paths = str(found.evidence[0].values["paths"]).split(", ")
    assert {"/audit", "/api/v1/audit/events"} <= set(paths)
    assert not {"/", "/sessions/{session}/end", "/requests"} & set(paths)


def test_an_issuer_without_settings_is_not_assessed(city: CityDoor) -> None:
    """Keycloak's are changed in tests/stack/test_idp_commands.py."""
    assert status_and_code(ask_probe(city, "issuer_as_wanted")) == (Status.NOT_ASSESSED, "issuer-without-settings")


def test_desks_without_tls_are_no_pass(city: CityDoor) -> None:
    here = facts(city)
    assert status_and_code(PROBES["remote_administration"](here)) == (Status.PARTLY, "desks-on-loopback")
    for origin, code in {
        "https://console.city.example": "desks-by-tls",
        "http://console.city.example": "desks-without-tls",  # no city starts so: see tests/city/test_settings.py
        "http://localhost.city.example": "desks-without-tls",
    }.items():
        found = PROBES["remote_administration"](replace(here, origin=origin))
        assert found.evidence == (Evidence(code, {"origin": origin}),)
        assert (found.status is Status.MET) == (code == "desks-by-tls")


def test_an_office_that_nobody_used_is_named(city: CityDoor) -> None:
    assert status_and_code(ask_probe(city, "accounts_in_use")) == (Status.MET, "offices-in-use")
    assert city.ids["chen"] in str(ask_probe(city, "accounts_in_use", after=UNUSED).evidence[0].values["who"])
    city.sign_in("chen")
    seen = (clock() + UNUSED).replace(tzinfo=None).isoformat(" ")
    write_by_hand(city, "UPDATE session SET seen_at = ?", seen)
    found = ask_probe(city, "accounts_in_use", after=UNUSED)
    assert status_and_code(found) == (Status.UNMET, "offices-unused")
    assert city.ids["chen"] not in str(found.evidence[0].values["who"])


def test_one_person_in_two_offices_is_named(city: CityDoor) -> None:
    assert ask_probe(city, "offices_separated").status is Status.MET
    both = {
        "id": mint(), "subject": city.ids["zhou"], "role": "audit-administrator", "department": "city", "clearance": 3,
        "reason": "by hand", "given_by": "x", "given_at": clock(), "record": mint(),
    }  # fmt: skip
    with city.city.stores.database.transaction() as connection:
        connection.execute(sa.insert(assignment).values(both))
    reload_facts(city, "subject", city.ids["zhou"])
    found = ask_probe(city, "offices_separated")
    assert found.evidence == (Evidence("offices-together", {"count": 1, "who": city.ids["zhou"]}),)
    assert found.status is Status.UNMET


def test_an_office_nobody_holds_is_named(city: CityDoor) -> None:
    held = "role = 'audit-administrator' AND revoked_at IS NULL"
    write_by_hand(city, f"UPDATE assignment SET revoked_at = '2026-01-01 00:00:00' WHERE {held}", rows=2)
    for who in ("chen", "chu"):
        reload_facts(city, "subject", city.ids[who])
    found = ask_probe(city, "offices_separated")
    assert found.evidence == (Evidence("offices-empty", {"offices": "audit-administrator"}),)
    assert found.status is Status.UNMET
