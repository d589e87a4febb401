"""The processes of the city: what runs beside the door runs as long as it does, and no longer."""

import asyncio

import pytest

from city.processes import _running


async def _dies() -> None:
    raise RuntimeError("gone")


async def test_a_part_that_dies_ends_its_process() -> None:
    with pytest.raises(ExceptionGroup) as ended:
        async with asyncio.timeout(10), _running([_dies(), asyncio.sleep(60)]):
            await asyncio.sleep(60)
    assert ended.group_contains(RuntimeError, match="gone")


async def test_parts_end_with_their_process() -> None:
    over = asyncio.Event()

    async def part() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            over.set()

    async with _running([part()]):
        await asyncio.sleep(0)
        assert not over.is_set()
    assert over.is_set()
