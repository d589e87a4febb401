"""What several packages' tests share: one demo city, founded once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from deploy.demo.found import found
from settings import Settings
from tests.founded_city import Door, opened


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
