"""The door of these tests: one for each, over a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.door import Door, opened


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as ready:
        yield ready
