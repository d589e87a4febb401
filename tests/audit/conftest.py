"""A city for each test, and the rule for tests that need more than a plain machine."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.audit.city import City


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    made = City(tmp_path)
    yield made
    for spool in made.opened:
        spool.close()


@pytest.fixture
def needs() -> Callable[[bool, str], None]:
    """Skip for a stated reason; where everything must run, fail instead."""

    def check(condition: bool, reason: str) -> None:
        if not condition:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NOT RUN: {reason}")

    return check
