"""The city that the personas ask: with portals, from which a department can publish."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.publishing_city import routes
from tests.founded_city import CityDoor, open_founded_city


@pytest.fixture(scope="module")
def door(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    """A city of this module's own, behind the real `handle`."""
    place = tmp_path_factory.mktemp("city")
    with open_founded_city(founded, place / "city", routes=routes(place)) as ready:
        yield ready
        assert ready.undeclared() == set()
