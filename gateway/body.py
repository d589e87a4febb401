"""The body of an answer under way, and what must happen when it is over, however it ends."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

Over = Callable[[int, bool], Awaitable[None]]  # bytes sent, whether all of it was


class Followed:
    """The same chunks; `over` is called once, at the end or when it is broken off.

    A class, because a generator that was never started ends without running a line.
    """

    def __init__(self, body: AsyncIterator[bytes], over: Over) -> None:
        self._body, self._over = body, over
        self._sent_bytes, self._is_over = 0, False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._body)
        except BaseException as ending:
            await self._end(whole=isinstance(ending, StopAsyncIteration))
            raise
        self._sent_bytes += len(chunk)
        return chunk

    async def aclose(self) -> None:
        """Break it off, unless it is over."""
        await self._end(whole=False)

    async def _end(self, *, whole: bool) -> None:
        if self._is_over:
            return
        self._is_over = True
        try:
            if close := getattr(self._body, "aclose", None):
                await close()
        finally:
            await self._over(self._sent_bytes, whole)
