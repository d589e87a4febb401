"""What several packages' tests share: one demo city, founded once; and which tests stay together where two run at a time."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from deploy.demo.found import found
from settings import Settings
from tests.founded_city import Door, opened
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
SHARED = (STACK, "live_keycloak", "lives", "direct", "nginx")


@pytest.hookimpl(tryfirst=True)  # before they are shared out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the run, one of them starts a city or a component for all who use it."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_together(item)))
    items.sort(key=lambda item: STACK not in _asks_for(item))  # it takes longest, so it begins first


def _together(item: pytest.Item) -> str:
    asked = _asks_for(item)
    return next((name for name in SHARED if name in asked), str(item.path))


def _asks_for(item: pytest.Item) -> set[str]:
    """Its fixtures, and which of several cities it meets."""
    assert isinstance(item, pytest.Function)
    return {*item.fixturenames, *([str(item.callspec.params.get("city"))] if hasattr(item, "callspec") else [])}


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a demo city; copy it, never change it."""
    place = tmp_path_factory.mktemp("founded") / "city"
    found(Settings(data=place), clock=app.clock, mint=app.mint)
    return place


@pytest.fixture(scope="module")
def door(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A city of this module's own, behind the real `handle`."""
    with opened(founded, tmp_path_factory.mktemp("city") / "city") as ready:
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
