"""The city is founded once, with two of each administrator, and no power over all."""

import json
import tomllib

import pytest
from playwright.sync_api import expect

from authz.bootstrap import CLOCK, Founding, found_city
from authz.casbin_model import CasbinFiles, load
from authz.errors import AlreadySealed
from storage.database import Database
from tests.journeys.browsing import give_role, sign_in
from tests.journeys.running_city import ROOT, command, running

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


def test_a_department_administrator_is_no_system_administrator(city, at_desk) -> None:
    status, problem = city.assign("zheng", "wu", "city", role="department-administrator")
    assert (status, problem["code"]) == (409, "separation-of-duty")
    zheng = at_desk("zheng")
    zheng.goto(f"{city.console}/departments/city/people/{city.subject('wu', 'city')}")
    with zheng.expect_response("**/assignments") as answer:
        give_role(zheng, "department-administrator", "兼任")
    assert answer.value.status == 409
    conflict = zheng.get_by_role("alert").filter(has_text="未授予：违反职责分离")
    expect(conflict).to_contain_text("“部门管理员”与“系统管理员”不得由同一人担任")
    zheng.goto(f"{city.console}/departments/city/people")
    expect(zheng.get_by_role("row").filter(has_text="吴芳")).not_to_contain_text("部门管理员")


@pytest.mark.parametrize("login", ["zhou", "chen"])
def test_system_and_audit_administrators_give_no_roles(city, login) -> None:
    status, problem = city.ask(login, "GET", "/api/v1/departments/city/people")
    assert (status, problem["reason"]) == (403, "no-rule")


def test_a_city_is_founded_once(city) -> None:
    founding = Founding(
        city=tomllib.loads((DEMO / "city.toml").read_text()),
        policy=load(CasbinFiles(model=(DEMO / "model.conf").read_text(), policy=(DEMO / "policy.csv").read_text())),
        iss="local",
        subs={},
        ids={},
        at=None,
        record="",
    )
    database = Database(city.database_url)
    with pytest.raises(AlreadySealed):
        found_city(database, founding, mint=str)
    database.close()


def test_the_command_founds_no_city_over_another(city) -> None:
    told = city.command("bootstrap")
    assert told.returncode == 5
    assert str(city.data) in told.stderr


def test_a_city_founded_by_its_command_comes_up_and_keeps_no_persons_secrets(tmp_path, visit) -> None:
    place = tmp_path / "city"
    told = command("bootstrap", "--json", data=place)
    assert told.returncode == 0, told.stderr
    wang = next(person for person in json.loads(told.stdout)["people"] if person["login"] == "wang")
    page = visit()
    with running(place) as city:
        page.goto(city.portal("marriage"))
        sign_in(page, wang)
        expect(page.get_by_role("heading", level=1)).to_have_text("您好，王秀英")
    assert [path.name for path in (place / "keys/access").iterdir()] == [CLOCK]
    kept = [path for path in place.rglob("*") if path.is_file() and wang["password"].encode() in path.read_bytes()]
    assert not kept
