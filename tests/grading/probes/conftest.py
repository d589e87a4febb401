"""A city of each test's own, for it breaks what it looks at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.founded_city import Door
from tests.grading.graded import graded


@pytest.fixture
def city(founded: Path, tmp_path: Path) -> Iterator[Door]:
    """Property records are graded S3A2."""
    with graded(founded, tmp_path) as door:
        yield door
