"""Many look-ups at once become few: each is told its own answer, nobody is asked for twice, nobody waits for the lost."""

import asyncio
import threading
from collections.abc import Mapping, Sequence

import pytest

from gateway import batched_lookup
from gateway.batched_lookup import UNDER_WAY, BatchedLookup


class Source:
    """Knows what is even; answers only while it may."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may = threading.Event()
        self.may.set()
        self.fails = False

    def __call__(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.asked.append(list(keys))
        assert self.may.wait(10)
        if self.fails:
            raise OSError("away")
        return {key: f"value {key}" for key in keys if key % 2 == 0}


async def test_what_comes_together_is_asked_together_and_each_is_told_its_own() -> None:
    source = Source()
    lookup = BatchedLookup(source, "test")
    told = await asyncio.gather(*(lookup.look_up(key) for key in (2, 3, 4, 2, 3)))
    assert told == ["value 2", None, "value 4", "value 2", None]
    assert source.asked == [[2, 3, 4]]
    assert await lookup.look_up(2) == "value 2"
    assert source.asked == [[2, 3, 4], [2]], "an answer is kept by nobody here"


async def test_who_comes_while_all_threads_are_under_way_is_part_of_the_next() -> None:
    source = Source()
    lookup = BatchedLookup(source, "test")
    source.may.clear()
    waiting = []
    for key in range(10):
        waiting += [asyncio.create_task(lookup.look_up(key)) for _ in range(2)]
        await asyncio.sleep(0.01)
    assert source.asked == [[key] for key in range(UNDER_WAY)]
    source.may.set()
    assert [await one for one in waiting] == [
        f"value {key}" if key % 2 == 0 else None for key in range(10) for _ in "ab"
    ]
    assert source.asked[UNDER_WAY:] == [list(range(UNDER_WAY, 10))]


async def test_one_call_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_lookup, "TOGETHER", 4)
    source = Source()
    lookup = BatchedLookup(source, "test")
    assert len(await asyncio.gather(*(lookup.look_up(key) for key in range(10)))) == 10
    assert source.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_a_failure_is_told_to_all_it_was_asked_for_and_to_nobody_later() -> None:
    source = Source()
    lookup = BatchedLookup(source, "test")
    source.fails = True
    told = await asyncio.gather(*(lookup.look_up(key) for key in range(4)), return_exceptions=True)
    assert [type(one) for one in told] == [OSError] * 4
    source.fails = False
    assert await lookup.look_up(2) == "value 2"


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    source = Source()
    lookup = BatchedLookup(source, "test")
    source.may.clear()
    patient, other = asyncio.create_task(lookup.look_up(2)), asyncio.create_task(lookup.look_up(4))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lookup.look_up(2), 0.05)
    other.cancel()
    source.may.set()
    assert await patient == "value 2"
    assert await lookup.look_up(4) == "value 4"
