"""The city whose door is looked at: with portals, as the personas' city has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.publishing_city import routes
from tests.founded_city import CityDoor, open_founded_city


@pytest.fixture(scope="package")
def door(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    place = tmp_path_factory.mktemp("golden")
    with open_founded_city(founded, place / "city", routes=routes(place)) as ready:
        yield ready
