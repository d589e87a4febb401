"""A city of each test's own, for it breaks what it looks at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.founded_city import CityDoor
from tests.grading.graded_city import graded_city


@pytest.fixture
def city(founded: Path, tmp_path: Path) -> Iterator[CityDoor]:
    """Property records are graded S3A2."""
    with graded_city(founded, tmp_path) as door:
        yield door
