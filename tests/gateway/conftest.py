"""The door of these tests: one for each, over a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.door import GatewayDoor, open_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[GatewayDoor]:
    async with open_door(tmp_path) as ready:
        yield ready
