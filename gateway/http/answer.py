"""One answer of an upstream, read by httptools' parser: nothing about it is guessed, and all of it is bounded."""

import asyncio
import re
from collections.abc import Callable
from itertools import chain
from typing import Any, Protocol, Self

import httptools

from gateway.errors import GatewayError, UpstreamUnavailable

HEAD_BYTES = 32 * 1024  # of a head, interim answers included; of chunk sizes between two pieces, and of trailers
LINE_BYTES, HEADERS_COUNT, INTERIM = 8190, 128, 32
AHEAD_BYTES = 64 * 1024  # read of a body before anybody wants it
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_VERSIONS = ("1.0", "1.1")
_FRAMING, _BODILESS = (b"content-length", b"transfer-encoding"), (204, 304)


class Held(Protocol):
    """The connection it comes on."""

    transport: asyncio.Transport
    parser: Any

    def wait_until(self, seconds: float | None) -> None: ...
    def abort(self) -> None: ...


class UpstreamAnswer:
    """Its head once `head` returned, then its body as it comes; a class, so that one never begun can be closed."""

    status = 0
    is_whole = keeps = False  # keeps: the upstream would take another request on this connection
    _has_head = _until_close = False
    _ahead_bytes = _unread_bytes = 0  # of the body; of what is neither a whole head nor body
    _interim = 0
    _failure: BaseException | None = None
    _waiter: asyncio.Future[None] | None = None

    def __init__(self, wire: Held, *, is_head: bool, deadline_seconds: float, on_end: Callable[[], None]) -> None:
        self._wire, self._is_head, self._deadline_seconds, self._on_end = wire, is_head, deadline_seconds, on_end
        self.headers: list[tuple[bytes, bytes]] = []  # names lower case
        self._pieces: list[bytes] = []

    async def head(self) -> None:
        """Wait for it. Raises UpstreamUnavailable, UpstreamTimeout, and what the upload does."""
        while not self._has_head:
            await self._wait()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self.is_whole:
                self._on_end()
                raise StopAsyncIteration
            try:
                await self._wait()
            except GatewayError:
                await self.aclose()
                raise
        got, self._pieces = b"".join(self._pieces), []
        if self._ahead_bytes > AHEAD_BYTES and not self.is_whole:
            self._wire.transport.resume_reading()
        self._ahead_bytes = 0
        return got

    async def aclose(self) -> None:
        """Drop the connection, unless the answer is whole: then it may be another's already."""
        if not self.is_whole:
            self._wire.abort()
        self._on_end()

    async def _wait(self) -> None:
        if self._failure is None:
            self._waiter = asyncio.get_running_loop().create_future()
            self._wire.wait_until(self._deadline_seconds)
            await self._waiter
            if not self.is_whole:
                self._wire.wait_until(None)
        if self._failure is not None:
            raise self._failure

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def wait_until(self, seconds: float | None) -> None:
        """The upload says for how long the head may be waited for."""
        if not self._has_head:
            self._wire.wait_until(seconds)

    def fail(self, failure: BaseException) -> None:
        """It will not be whole."""
        if self._failure is None and not self.is_whole:
            self._failure = failure
            self._wake()

    def on_connection_closed(self, *, cleanly: bool) -> None:
        """No more comes."""
        if self._until_close and cleanly:
            self.is_whole = True
            self._wake()
        self.fail(UpstreamUnavailable("closed before its end"))

    def read(self, data: bytes, parser: httptools.HttpResponseParser) -> None:
        """Raises HttpParserError, HttpParserUpgrade."""
        self._unread_bytes += len(data)
        parser.feed_data(data)
        if self._unread_bytes > HEAD_BYTES:
            raise httptools.HttpParserError("head, chunk sizes or trailers without end")

    def on_message_begin(self) -> None:
        if self.is_whole:
            raise httptools.HttpParserError("an answer nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) + len(value) > LINE_BYTES or len(self.headers) >= HEADERS_COUNT or _CONTROL.search(value):
            raise httptools.HttpParserError("header")
        if not self._has_head:  # a trailer is nobody's
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = self._wire.parser
        status, head_bytes = parser.get_status_code(), sum(map(len, chain.from_iterable(self.headers)))
        framing = [pair for pair in self.headers if pair[0] in _FRAMING]
        if parser.get_http_version() not in _VERSIONS or status == 101 or head_bytes > HEAD_BYTES:
            raise httptools.HttpParserError("not HTTP/1.1, an upgrade nobody asked for, or too large")
        if len(framing) > 1 or (framing and framing[0][0] != b"content-length" and framing[0][1].lower() != b"chunked"):
            raise httptools.HttpParserError("framed twice, or not as we read it")
        if status < 200:
            self.headers, self._interim = [], self._interim + 1
            if self._interim > INTERIM:
                raise httptools.HttpParserError("interim answers without end")
            return
        self.status, self._has_head, self.is_whole = status, True, self._is_head
        self.keeps = parser.should_keep_alive()
        self._until_close = not framing and status not in _BODILESS
        self._wake()

    def on_body(self, body: bytes) -> None:
        if self.is_whole:
            raise httptools.HttpParserError("a body nobody asked for")
        self._unread_bytes = 0
        self._pieces.append(body)
        self._ahead_bytes += len(body)
        if self._ahead_bytes > AHEAD_BYTES:
            self._wire.transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self._has_head:
            self.is_whole = True
            self._wake()
