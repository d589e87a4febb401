"""The city is founded once, with two of each administrator, and no power over all."""

import contextlib
import sqlite3
import tomllib

import pytest
from playwright.sync_api import expect

from authz.bootstrap import Founding, found
from authz.casbin_model import CasbinFiles, load
from authz.errors import AlreadySealed
from storage.database import Database
from tests.journeys.running_city import ROOT

DEMO = ROOT / "deploy/demo"
OFFICES = ("系统管理员", "安全管理员", "审计管理员")


def test_there_are_two_of_each_administrator_and_none_holds_two_offices(city, at_desk) -> None:
    zheng = at_desk("zheng")
    zheng.goto(f"{city.console}/departments/city/people")
    for office in OFFICES:
        holders = zheng.get_by_role("row").filter(has_text=office)
        expect(holders).to_have_count(2)
        for other in set(OFFICES) - {office}:
            expect(holders.filter(has_text=other)).to_have_count(0)


@pytest.mark.parametrize("office", ["audit-administrator", "security-administrator"])
def test_no_second_office_is_given_to_an_administrator(city, office) -> None:
    status, problem = city.assign("zheng", "wu", "city", role=office)
    assert (status, problem["code"]) == (403, "may-not-grant")


@pytest.mark.parametrize("login", ["zhou", "chen"])
def test_system_and_audit_administrators_give_no_roles(city, login) -> None:
    status, problem = city.ask(login, "GET", "/api/v1/departments/city/people")
    assert (status, problem["reason"]) == (403, "no-rule")


def test_a_city_is_founded_once(city, tmp_path) -> None:
    with (
        contextlib.closing(sqlite3.connect(city.data / "city.db")) as ours,
        contextlib.closing(sqlite3.connect(tmp_path / "city.db")) as copy,
    ):
        ours.backup(copy)
    founding = Founding(
        city=tomllib.loads((DEMO / "city.toml").read_text()),
        policy=load(CasbinFiles(model=(DEMO / "model.conf").read_text(), policy=(DEMO / "policy.csv").read_text())),
        iss="local",
        subs={},
        ids={},
        at=None,
        record="",
    )
    database = Database(f"sqlite:///{tmp_path / 'city.db'}")
    with pytest.raises(AlreadySealed):
        found(database, founding, mint=str)
    database.close()


def test_the_command_founds_no_city_over_another(city) -> None:
    told = city.command("bootstrap")
    assert told.returncode == 5
    assert str(city.data) in told.stderr
