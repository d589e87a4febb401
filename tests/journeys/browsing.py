"""What people do on the pages, step by step; the same in both languages and without JavaScript."""

import re
import time
from collections.abc import Callable
from typing import Any

import pyotp
from playwright.sync_api import Locator, Page, expect

from tests.journeys.running_city import City

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]  # fmt: skip
SEND = "main button.button, #kc-login"
CODE = "input[name=code], input[name=otp]"
_STEP_SECONDS = 30
_NUMBER = re.compile("^[0-9A-Z]{26}$")
_RELOADS = 60


def sign_in(page: Page, person: dict[str, Any]) -> None:
    """Type login and password on the issuer's page, whichever issuer it is."""
    expect_login(page)
    login = page.locator("input[type=text][name=login], input[name=username]")
    if login.is_visible():  # Keycloak does not ask again who it is that proves to be still there
        login.fill(person["login"])
    page.fill("input[name=password]", person["password"])
    page.click(SEND)


def second_factor(page: Page, person: dict[str, Any]) -> None:
    """Type a one-time code that was not used; the issuer takes the next one as well (RFC 6238 §5.2)."""
    step = max(int(time.time()) // _STEP_SECONDS, person.get("last_step", 0) + 1)
    while step > time.time() // _STEP_SECONDS + 1:
        page.wait_for_timeout(200)
    person["last_step"] = step
    page.fill(CODE, pyotp.TOTP(person["totp_secret"]).generate_otp(step))
    page.click(SEND)


def sign_in_with_code(page: Page, city: City, login: str) -> None:
    """To her home with a second factor at once."""
    page.goto(f"{city.console}/.citygate/login?assurance=3&return_to=/")
    sign_in(page, city.person(login))
    second_factor(page, city.person(login))
    expect(page).to_have_url(f"{city.console}/")


def desks(city: City, new: Callable[[], Page]) -> Callable[[str], Page]:
    """The page of somebody who came to her desk once, with her second factor, and stays signed in; `new`: a profile."""
    pages: dict[str, Page] = {}

    def page_of(login: str) -> Page:
        if login not in pages:
            pages[login] = new()
            sign_in_with_code(pages[login], city, login)
        return pages[login]

    return page_of


def expect_login(page: Page) -> None:
    """The page asks who is there, with a password."""
    expect(page.locator("input[name=password]")).to_be_visible()


def give_role(page: Page, role: str, reason: str) -> None:
    """Fill in the form that gives a role and send it."""
    page.select_option("#role", role)
    page.fill("#reason", reason)
    page.click("section:has(#give) .actions button")


def decision_of(page: Page) -> str:
    """The decision number a refusal shows."""
    return page.locator("dl code", has_text=_NUMBER).inner_text()


def reload_until(page: Page, found: Locator) -> None:
    """A record appears in the log within a second of its request."""
    for _ in range(_RELOADS):
        if found.count():
            return
        page.reload()
    raise AssertionError(f"not there: {found}")
