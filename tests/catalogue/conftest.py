"""What the tests of the catalogue share."""

from collections.abc import Iterator

import pytest

from authz import store
from tests.authz.city_with_roles import CityWithRoles, city_with_roles
from tests.catalogue.catalogue_room import CatalogueRoom


@pytest.fixture
def roles(database_url: str) -> Iterator[CityWithRoles]:
    """On either database."""
    with city_with_roles(database_url) as made:
        made.insert(store.system, id="housing", department="housing", name_zh="房产", name_en="Housing", label=2)
        yield made


@pytest.fixture
def room(roles: CityWithRoles) -> CatalogueRoom:
    return CatalogueRoom(roles)
