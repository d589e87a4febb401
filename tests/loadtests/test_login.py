"""`bench login` for a few seconds: people arrive at both portals, a wrong password at none."""

import pytest

from loadtests import login
from loadtests.browser import Browser


def test_visitors_arrive_at_both_portals_with_one_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "VISITORS", 2)
    monkeypatch.setattr(login, "SECONDS", 3)
    seen = login.measure("embedded")
    assert seen["sign_ins"] > 0
    assert seen["failures"] == {"form": 0, "sign-in": 0, "second portal": 0}
    assert all(set(ms) == {"median", "p99", "max"} for ms in seen["ms"].values())
    assert seen["controls"] == ["wrong password: refused"] * 2
    assert seen["ok"]


def test_what_the_visitors_fill_in_is_keycloaks_page_too(stack) -> None:
    """On the city that all tests share, with a citizen of the demo."""
    first, second = (stack.portal(name) + "/" for name in ("marriage", "housing"))
    browser = Browser(port=int(first.rpartition(":")[2].strip("/")), address="127.0.0.1")
    wang = stack.person("wang")
    form = browser.get(first)
    assert form.asks_password
    wrong = browser.submit(form, {"username": "wang", "password": "wrong"})
    assert wrong.asks_password
    page = browser.submit(wrong, {"username": "wang", "password": wang["password"]})
    assert (page.status, page.url, page.asks_password) == (200, first, False)
    page = browser.get(second)
    assert (page.status, page.url, page.asks_password) == (200, second, False)
    browser.close()
