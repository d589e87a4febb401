"""Look-ups of many requests, made together: whoever comes while one is under way is part of the next."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

UNDER_WAY = 2  # threads: one that waits for somebody must not be all there is
TOGETHER = 100  # keys of one call
K = TypeVar("K")
V = TypeVar("V")


class BatchedLookup(Generic[K, V]):
    """Asks once for each key, however many wait for it. Not for several threads.

    Whoever waits may give up at any time; how many may wait is theirs to bound.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Mapping[K, V]], name: str) -> None:
        """`ask` is called in a thread; what it raises is told to all it was asked for."""
        self._ask = ask
        self._threads = ThreadPoolExecutor(UNDER_WAY, name)
        self._answers: dict[K, asyncio.Future[V | None]] = {}
        self._next: list[K] = []
        self._free = UNDER_WAY

    async def look_up(self, key: K) -> V | None:
        """Return what there is for `key`, or None. Raises what `ask` raises."""
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = asyncio.get_running_loop().create_future()
            self._next.append(key)
            if self._free:
                self._free -= 1
                asyncio.get_running_loop().call_soon(self._start)  # with those who come in this turn of the loop
        return await asyncio.shield(answer)

    def _start(self) -> None:
        """Ask for those who wait; the thread is free where nobody does."""
        keys, self._next = self._next[:TOGETHER], self._next[TOGETHER:]
        if not keys:
            self._free += 1
            return
        asked = asyncio.get_running_loop().run_in_executor(self._threads, self._ask, keys)
        asked.add_done_callback(lambda done: self._tell(keys, done))

    def _tell(self, keys: Sequence[K], asked: "asyncio.Future[Mapping[K, V]]") -> None:
        failure = asked.exception()
        for key in keys:
            answer = self._answers.pop(key)
            if failure is None:
                answer.set_result(asked.result().get(key))
            else:
                answer.set_exception(failure)
                answer.exception()  # perhaps nobody waits any more
        self._start()
