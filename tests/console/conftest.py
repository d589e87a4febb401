"""The city of the catalogue's tests: its portals answer, and departments publish from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.shop import Shop, Upstream, shop


@pytest.fixture(scope="module")
def opened(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Upstream]]:
    with shop(founded, tmp_path_factory.mktemp("shop")) as ready:
        yield ready


@pytest.fixture
def city(opened: tuple[Shop, Upstream]) -> Shop:
    return opened[0]


@pytest.fixture
def portal(opened: tuple[Shop, Upstream]) -> Upstream:
    opened[1].heard.clear()
    return opened[1]
