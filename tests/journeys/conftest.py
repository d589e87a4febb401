"""Each journey meets the same city three times: at its own port, behind nginx, and on the production profile."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.browsing import CHROMIUM, desks
from tests.journeys.running_city import City, running
from tests.needs import need

Visit = Callable[..., Page]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "profiles(name, ..): the cities a journey is walked in, where not in all three")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A line that is long is walked once in each way: its test names the cities."""
    items[:] = [one for one in items if _wanted(one)]


def _wanted(item: pytest.Item) -> bool:
    marker, call = item.get_closest_marker("profiles"), getattr(item, "callspec", None)
    return marker is None or call is None or call.params["city"] in marker.args


@pytest.fixture(scope="package", params=["direct", "nginx", "stack"])
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    if request.param == "stack":
        yield request.getfixturevalue("stack")
        return
    options = ["--nginx"] if request.param == "nginx" else []
    need(*(["nginx"] if options else []))
    with running(tmp_path_factory.mktemp(request.param) / "city", *options) as started:
        yield started


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        with contextlib.closing(chromium):
            yield chromium


@contextlib.contextmanager
def profiles(browser: Browser) -> Iterator[Visit]:
    """New browser profiles, closed at the end of the block."""
    with contextlib.ExitStack() as contexts:

        def new(**options: Any) -> Page:
            context = browser.new_context(**{"locale": "zh-CN", **options})
            contexts.enter_context(contextlib.closing(context))
            context.set_default_timeout(10_000)
            return context.new_page()

        yield new


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A new profile each time: another person at another machine."""
    with profiles(browser) as new:
        yield new


@pytest.fixture(scope="package")
def at_desk(browser: Browser, city: City) -> Iterator[Callable[[str], Page]]:
    """One page for everybody who is asked for."""
    with profiles(browser) as new:
        yield desks(city, new)
