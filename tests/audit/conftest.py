"""A city for each test, and the rule for tests that need more than a plain machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.audit.city import City
from tests.needs import not_run


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
            not_run(reason)

    return check
