"""The city whose door is looked at: with portals, as the personas' city has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.shop import routes
from tests.founded_city import Door, opened


@pytest.fixture(scope="package")
def door(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    place = tmp_path_factory.mktemp("golden")
    with opened(founded, place / "city", routes=routes(place)) as ready:
        yield ready
