"""One asks, another approves, the first sends it again: with a browser and with commands, in a really running city."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browsing import sign_in_with_code
from tests.journeys.conftest import profiles
from tests.journeys.running_city import City, running

VAULT, API = "/departments/civil/vaults/7", "/api/v1/departments/civil/vaults/7"
# a form as a room will have one, on a page of ours
FORM = """([path, why]) => {
  const form = document.createElement("form");
  form.method = "post"; form.action = path;
  for (const [name, value] of [["csrf", document.querySelector("input[name=csrf]").value], ["why", why]]) {
    const field = document.createElement("input"); field.name = name; field.value = value; form.append(field);
  }
  document.body.append(form); form.submit();
}"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with running(tmp_path_factory.mktemp("vault") / "city", program=("-m", "tests.console.city_with_vault")) as started:
        yield started


@pytest.fixture(scope="module")
def at_desk(browser: Browser, city: City) -> Iterator[Callable[[str], Page]]:
    with profiles(browser) as new:
        pages = {login: new() for login in ("qian", "zheng")}
        for login, page in pages.items():
            sign_in_with_code(page, city, login)
        yield pages.__getitem__


def fits(page: Page) -> None:
    """At 360 pixels nothing stands outside the page (WCAG 2.2, 1.4.10)."""
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= 360")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_a_browser_asks_and_another_browser_approves(city: City, at_desk: Callable[[str], Page]) -> None:
    asks, approves = at_desk("qian"), at_desk("zheng")
    asks.goto(city.console)
    asks.evaluate(FORM, [VAULT, "打开二号柜 <b>"])
    expect(asks.locator("h1")).to_have_text("等待第二人批准")
    fits(asks)
    number = asks.locator("dl code", has_text=re.compile("^[0-9A-Z]{26}$")).inner_text()
    approves.goto(f"{city.console}/requests")
    card = approves.locator("article", has_text=number)
    expect(card).to_contain_text("打开二号柜 <b>")
    fits(approves)
    card.get_by_role("button", name="批准").click()
    expect(approves).to_have_url(f"{city.console}/requests")
    asks.goto(f"{city.console}/requests")
    fits(asks)
    asks.locator("article", has_text=number).get_by_role("link").click()
    fits(asks)
    asks.locator("main button").click()
    done = json.loads(asks.locator("body").inner_text())
    assert (done["form"]["why"], done["approver"]) == ("打开二号柜 <b>", city.subject("zheng", "city"))


def test_commands_ask_approve_reject_and_send_again(city: City) -> None:
    status, waits = city.ask("feng", "POST", API, {"why": "audit"})
    assert (status, waits["missing"]) == (403, "approver")
    number = waits["request"]
    own = city.command("request", "approve", number, "--as", "feng")
    assert own.returncode == 3, own
    shown = city.command("request", "list", "--as", "zheng", "--json")
    assert number in [one["id"] for one in json.loads(shown.stdout)["items"]]
    early = city.command("request", "resume", number, "--as", "feng")
    assert (early.returncode, "not-approved" in early.stderr) == (5, True)
    assert city.command("request", "approve", number, "--as", "zheng").returncode == 0
    sent = city.command("request", "resume", number, "--as", "feng", "--json")
    assert json.loads(sent.stdout)["json"] == {"why": "audit"}
    _, second = city.ask("feng", "POST", API, {"why": "again"})
    said = city.command("request", "reject", second["request"], "--reason", "once is enough", "--as", "zheng")
    assert said.returncode == 0, said
    _, mine = city.ask("feng", "GET", "/api/v1/requests?of=asked")
    assert [(one["verdict"], one["reason"]) for one in mine["items"]] == [
        ("rejected", "once is enough"),
        ("approved", ""),
    ]


def test_all_of_it_agrees_with_the_log_until_a_hand_changes_a_row(city: City, tmp_path: Path) -> None:
    def reconciled() -> tuple[int, list[tuple[str, str]]]:
        told = city.command("audit", "reconcile", "--json")
        return told.returncode, [(one["kind"], one["table"]) for one in json.loads(told.stdout)["items"]]

    vault_rules = ("not-in-log", "rule")  # this test's own, written into the table and published by nobody
    status, found = reconciled()
    assert (status, set(found)) == (6, {vault_rules})
    with closing(sqlite3.connect(city.data / "city.db")) as database, database:
        database.execute("UPDATE parked SET decided_by = subject WHERE verdict = 'approved'")
    status, found = reconciled()
    assert (status, set(found)) == (6, {vault_rules, ("differs", "parked")})
