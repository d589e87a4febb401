"""What was recorded when page and API had objects of their own is read as one object, and found by any of its names."""

import re

import pytest

from console.routes import console_routes
from console.shell.objects import ObjectNames
from gateway.routes import Route

ROUTES = console_routes("console.localhost")
NAMES = ObjectNames(ROUTES)
OURS = [route for route in ROUTES if not route.approves]


def filled(pattern: str) -> str:
    return "/console" + re.sub(r"\{([a-z]+)\}", r"\1-1", pattern)


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.path)
def test_the_path_that_was_an_object_is_read_as_the_object_of_today(route: Route) -> None:
    assert NAMES.today(filled(route.path)) == filled(route.about)


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.path)
def test_an_object_of_today_is_its_own_name(route: Route) -> None:
    assert NAMES.today(filled(route.about)) == filled(route.about)


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.path)
def test_a_search_for_an_object_reaches_every_name_it_ever_had(route: Route) -> None:
    for asked in (filled(route.about), filled(route.path)):
        reached = NAMES.spellings(asked)
        assert any(filled(route.path).startswith(one) for one in reached), "the old name"
        assert any(filled(route.about).startswith(one) for one in reached), "the name of today"


@pytest.mark.parametrize("name", ["", "/", "/console", "/marriage/certificates/17", "/city", "/console/nowhere/at/all"])
def test_what_is_no_object_of_the_console_stays_as_it_is(name: str) -> None:
    assert NAMES.today(name) == name
    assert NAMES.spellings(name)[0] == name


def test_the_beginning_of_old_names_reaches_what_is_below_it_by_old_name_and_new() -> None:
    reached = NAMES.spellings("/console/api/v1/departments/civil")
    assert reached == ["/console/api/v1/departments/civil", "/console/departments/civil"]


def test_no_object_says_whether_it_was_asked_for_by_page_or_api() -> None:
    assert [route.about for route in OURS if route.about.startswith("/api")] == []


def test_what_changes_something_by_page_and_by_api_is_asked_about_one_object() -> None:
    pages, api = dict[str, set[str]](), dict[str, set[str]]()
    for route in OURS:
        for action in route.actions.values():
            (api if route.path.startswith("/api/") else pages).setdefault(action, set()).add(route.about)
    both = {action for action in pages.keys() & api.keys() if action != "read" and not action.endswith(":read")}
    assert len(both) > 15
    assert {action: api[action] - pages[action] for action in both if api[action] - pages[action]} == {}
