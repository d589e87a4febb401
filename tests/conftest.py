"""What several packages' tests share: one demo city, founded once; and which tests stay together where two run at a time."""

import faulthandler
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from city.clock import clock
from city.founding import found_city
from city.identifiers import mint
from city.settings import Settings
from tests import bounds
from tests.founded_city import CityDoor, open_founded_city
from tests.journeys.running_city import City, running
from tests.needs import need
from tests.stack.keycloak import live_keycloak  # noqa: F401 - one for the whole run
from tests.stack.parts import (  # noqa: F401 - fixtures
    _template,
    database_url,
    empty_postgres_url,
    postgres_server,
    postgres_url,
    redis_client,
    redis_server,
)

STACK = "stack"
SHARED = {
    STACK: r"\[stack|tests/stack/|test_three_gateways",
    "Keycloak": r"keycloak|test_login\.py",
    "faults": r"tests/faults/",
    "direct": r"tests/journeys/.*\[direct",
    "nginx": r"tests/journeys/.*\[nginx",
}
"""What takes long to start, and whose tests share it."""


def _shared(nodeid: str) -> str:
    return next((name for name, whose in SHARED.items() if re.search(whose, nodeid)), nodeid.partition("::")[0])


class Together(LoadScopeScheduling):
    """Where several processes share the run, one of them starts a city or a component for all who use it."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(nodeid)


def pytest_configure() -> None:
    bounds.heed_interrupts()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Iterator[None]:
    with bounds.end_in_time(bounds.TEST_SECONDS):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Iterator[None]:
    with bounds.end_in_time(bounds.TEST_SECONDS):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    with bounds.end_in_time(bounds.TEST_SECONDS):
        return (yield)


def pytest_unconfigure() -> None:
    """A thread that a test left behind keeps no run from its end."""
    faulthandler.dump_traceback_later(bounds.LAST_SECONDS, exit=True, file=sys.__stderr__)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: _shared(item.nodeid) != STACK)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a demo city; copy it, never change it."""
    place = tmp_path_factory.mktemp("founded") / "city"
    found_city(Settings(data=place), clock=clock, mint=mint)
    return place


@pytest.fixture(scope="module")
def door(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    """A city of this module's own, behind the real `handle`."""
    with open_founded_city(founded, tmp_path_factory.mktemp("city") / "city") as ready:
        yield ready


@pytest.fixture(scope="session")
def stack() -> Iterator[City]:
    """The demo city on the production profile: started once for all tests, as a person starts it."""
    need("nginx", "redis-server", "java", "mvn")
    place = Path(tempfile.mkdtemp(prefix="citygate-stack-"))  # PostgreSQL's own account must reach it
    place.chmod(0o755)
    with running(place / "stack", command=("stack", "up")) as started:
        yield started
    shutil.rmtree(place)
