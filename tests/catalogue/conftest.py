"""What the tests of the catalogue share."""

from collections.abc import Iterator

import pytest

from authz import store
from tests.authz.town import Desk, desk
from tests.catalogue.room import Room


@pytest.fixture
def town(database_url: str) -> Iterator[Desk]:
    """On either database."""
    with desk(database_url) as made:
        made.insert(store.system, id="housing", department="housing", name_zh="房产", name_en="Housing", label=2)
        yield made


@pytest.fixture
def room(town: Desk) -> Room:
    return Room(town)
