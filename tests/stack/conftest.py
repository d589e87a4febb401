"""The one stack of a test run, broken in many ways, one after the other; every test leaves it whole."""

from collections.abc import Iterator

import pytest

from tests.faults.visitor import eventually
from tests.journeys.running_city import City
from tests.stack.breaking import whole


@pytest.fixture
def city(stack: City) -> Iterator[City]:
    """The stack as it runs now, well, and well again afterwards."""
    eventually(lambda: whole(stack), 90)
    yield stack
    eventually(lambda: whole(stack), 90)
