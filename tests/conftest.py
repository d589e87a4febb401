"""What several packages' tests share: one demo city, founded once."""

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
