"""Bodies under way: a request's within its bounds; an answer's, with what must happen when it is over."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

from gateway.errors import BodyTooLarge, DigestWrong, RequestTimeout
from gateway.stages import Inbound
from idp.app_key import content_digest, is_digest

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


def bounded_body(inbound: Inbound, *, limit_bytes: int) -> AsyncIterator[bytes]:
    """The request body, of which no byte is read if it announces more than `limit_bytes`.

    Where its SHA-256 is told (`Content-Digest`, RFC 9530), its last piece comes only when that is right.

    Raises BodyTooLarge at once or while it is read, DigestWrong at its end, and what the body itself raises.
    """
    if int(inbound.header(b"content-length") or 0) > limit_bytes:
        raise BodyTooLarge(limit_bytes=limit_bytes)

    async def counted() -> AsyncIterator[bytes]:
        sent_bytes = 0
        async for chunk in inbound.body():
            sent_bytes += len(chunk)
            if sent_bytes > limit_bytes:
                raise BodyTooLarge(limit_bytes=limit_bytes)
            yield chunk

    told = inbound.header(b"content-digest") or ""
    return _held_to(told, counted()) if is_digest(told) else counted()


async def _held_to(told: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks; whoever passes them on never passes on the whole of a body that is another."""
    digest, last = hashlib.sha256(), b""
    async for chunk in chunks:
        digest.update(chunk)
        if chunk:
            if last:
                yield last
            last = chunk
    if not hmac.compare_digest(told, content_digest(digest.digest())):
        raise DigestWrong
    if last:
        yield last


async def read_body(inbound: Inbound, *, limit_bytes: int, deadline_seconds: float) -> bytes:
    """The whole body, at most `limit_bytes`. Raises BodyTooLarge, RequestTimeout."""
    try:
        async with asyncio.timeout(deadline_seconds):
            return b"".join([chunk async for chunk in bounded_body(inbound, limit_bytes=limit_bytes)])
    except TimeoutError as late:
        raise RequestTimeout("the body did not come in time") from late


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body that is here already, as one that comes."""
    if body:
        yield body
