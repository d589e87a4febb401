"""The city of the catalogue's tests: its portals answer, and departments publish from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.publishing_city import PublishingCity, Upstream, publishing_city


@pytest.fixture(scope="module")
def opened(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PublishingCity, Upstream]]:
    with publishing_city(founded, tmp_path_factory.mktemp("shop")) as ready:
        yield ready


@pytest.fixture
def city(opened: tuple[PublishingCity, Upstream]) -> PublishingCity:
    return opened[0]


@pytest.fixture
def portal(opened: tuple[PublishingCity, Upstream]) -> Upstream:
    opened[1].heard.clear()
    return opened[1]
