"""What the tests of machines and zones share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.namespaces import NamespacePlane
from tests.infra.city_with_machines import CityWithMachines, city_with_machines
from tests.needs import need


@pytest.fixture
def infra_city(database_url: str, tmp_path: Path) -> Iterator[CityWithMachines]:
    """On either database."""
    with city_with_machines(database_url, tmp_path) as ready:
        yield ready


@pytest.fixture
def small(tmp_path: Path) -> Iterator[CityWithMachines]:
    """On SQLite, where the database is not the point."""
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path) as ready:
        yield ready


@pytest.fixture
def namespaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NamespacePlane]:
    """Real packets, in namespaces of this test's own."""
    need("nft", "ip", "unshare", "sysctl", root=True)
    plane = NamespacePlane(f"cgtest{abs(hash(str(tmp_path_factory.mktemp('tag')))) % 10**8}")
    try:
        yield plane
    finally:
        plane.remove()


@pytest.fixture(scope="module")
def plane() -> Iterator[NamespacePlane]:
    """One set of namespaces for the questions that leave nothing behind."""
    need("nft", "ip", "unshare", "sysctl", root=True)
    made = NamespacePlane(f"cgpack{os.getpid()}")
    try:
        yield made
    finally:
        made.remove()
