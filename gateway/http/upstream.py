"""Our side of an upstream's connection: one request, one answer read by httptools' parser, every wait and size bounded.

A connection is used again only after an answer that ended where its framing said, and a request that was sent whole.
Nothing is guessed about an answer: two lengths, a coding besides `chunked`, bytes nobody asked for end the connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

import httptools

from gateway.errors import UpstreamTimeout, UpstreamUnavailable
from gateway.http.answer import UpstreamAnswer
from gateway.stages import Headers

KEPT_ALIVE_SECONDS = 2.0  # shorter than any upstream's own, so that a connection is rarely stale when it is used again
CONNECT_SECONDS = 5.0
_RETRIED = frozenset({"GET", "HEAD", "OPTIONS"})


class Upstreams:
    """Connections to all upstreams; those that wait for a request are used again."""

    def __init__(self, address: Callable[[str], str] = str) -> None:
        """`address` is where to find a host of this name: itself, if nothing else is said."""
        self._address = address
        self._idle: dict[str, list[Wire]] = {}
        self._open: set[Wire] = set()

    async def ask(
        self, upstream: str, method: str, target: str, headers: Headers, *, upload: "Upload", over: Callable[[], None]
    ) -> UpstreamAnswer:
        """The answer, once its head is here; `over` is called when it has ended or was dropped.

        Asked again on another connection only where that changes nothing: the first was closed before it said a word.
        Raises UpstreamUnavailable, UpstreamTimeout, and what the upload does; then `over` is the caller's to call.
        """
        head = _head(method, _place(upstream)[3] + target, headers)
        while True:
            wire, is_used = await self._wire(upstream, upload.deadline_seconds)
            answer = UpstreamAnswer(
                wire, is_head=method == "HEAD", deadline_seconds=upload.deadline_seconds, on_end=over
            )
            try:
                await wire.ask(head, upload, answer)
            except UpstreamUnavailable:
                if not is_used or wire.has_spoken or method not in _RETRIED or upload.framing is not None:
                    raise
            else:
                return answer

    async def _wire(self, upstream: str, seconds: float) -> "tuple[Wire, bool]":
        idle = self._idle.setdefault(upstream, [])
        while idle:
            if (wire := idle.pop()).is_open():
                return wire, True
        host, port, tls, _ = _place(upstream)
        try:
            async with asyncio.timeout(min(seconds, CONNECT_SECONDS)):
                make = asyncio.get_running_loop().create_connection
                shown = host if tls else None  # the name the certificate is for, whatever the address
                _, wire = await make(
                    lambda: Wire(idle, self._open), self._address(host), port, ssl=tls, server_hostname=shown
                )
        except TimeoutError:
            raise UpstreamTimeout("no connection in time") from None
        except OSError as broken:
            raise UpstreamUnavailable(type(broken).__name__) from None
        return wire, False

    def close(self) -> None:
        """Drop every connection."""
        for wire in tuple(self._open):
            wire.abort()


class Upload:
    """A request's body on its way up; while the client is awaited the upstream's deadline stands still."""

    def __init__(self, chunks: AsyncIterator[bytes], *, framing: bytes | None, deadline_seconds: float) -> None:
        """`framing` is the header that says where the body ends; None for a request without one."""
        self._chunks, self.framing, self.deadline_seconds = chunks, framing, deadline_seconds

    async def send(self, wire: "Wire", answer: UpstreamAnswer) -> None:
        """Write the body. Raises what its chunks raise; without its end the upstream takes it for no request."""
        while True:
            answer.wait_until(None)
            chunk = await anext(self._chunks, None)
            answer.wait_until(self.deadline_seconds)
            if chunk is None:
                break
            wire.transport.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if self._is_chunked else chunk)
            await wire.writable.wait()
        if self._is_chunked:
            wire.transport.write(b"0\r\n\r\n")

    @property
    def _is_chunked(self) -> bool:
        return self.framing == b"transfer-encoding"


class Wire(asyncio.Protocol):
    """One connection, with one answer under way or none."""

    transport: asyncio.Transport
    parser: Any = None
    has_spoken = False  # since the request was written

    def __init__(self, idle: "list[Wire]", opened: "set[Wire]") -> None:
        self._idle, self._opened = idle, opened
        self._loop = asyncio.get_running_loop()
        self._answer: UpstreamAnswer | None = None
        self._upload: asyncio.Task[None] | None = None
        self._by: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.writable = asyncio.Event()
        self.writable.set()

    async def ask(self, head: bytes, upload: Upload, answer: UpstreamAnswer) -> None:
        """Send a request and wait for the head of what comes; whatever fails, the connection is not used again."""
        self._answer, self.parser, self.has_spoken = answer, httptools.HttpResponseParser(answer), False
        self.transport.write(head)
        if upload.framing is not None:
            self._upload = asyncio.create_task(upload.send(self, answer))
            self._upload.add_done_callback(partial(self._uploaded, answer))
        try:
            await answer.head()
        except BaseException:
            self.abort()
            raise

    def end(self, answer: UpstreamAnswer) -> None:
        """The answer is whole: wait for the next request, if this one is whole too and both ends are willing.

        What follows half a request would be read as the rest of it.
        """
        self._answer = None
        if not answer.keeps or not _is_whole(self._upload):
            self.abort()
            return
        self._upload = None
        self.transport.resume_reading()
        self.wait_until(KEPT_ALIVE_SECONDS)
        self._idle.append(self)

    def _uploaded(self, answer: UpstreamAnswer, upload: asyncio.Task[None]) -> None:
        if not upload.cancelled() and (failure := upload.exception()):
            answer.fail(failure)
            self.transport.abort()

    def is_open(self) -> bool:
        return not self.transport.is_closing()

    def abort(self) -> None:
        """Drop the connection now, and what is still being sent on it."""
        if self._upload:
            self._upload.cancel()
        self.transport.abort()

    def wait_until(self, seconds: float | None) -> None:
        """Be patient for so long from now; one timer finds out when it rings whether that is over."""
        self._by = None if seconds is None else self._loop.time() + seconds
        if self._by is not None and (self._timer is None or self._timer.when() > self._by):
            self._set_timer(self._by)

    def _set_timer(self, at: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None if at is None else self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._by is None:
            return
        if self._loop.time() < self._by:
            self._set_timer(self._by)
        elif self._answer:
            self._answer.fail(UpstreamTimeout("no answer, or no more of it, within the route's deadline"))
        else:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._opened.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse; what comes unasked ends the connection."""
        if (answer := self._answer) is None:
            self.transport.abort()
            return
        self.has_spoken = True
        try:
            answer.read(data, self.parser)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.transport.abort()
            answer.fail(UpstreamUnavailable("not an answer"))
        else:
            if answer.is_whole:
                self.end(answer)

    def connection_lost(self, failure: Exception | None) -> None:
        self._opened.discard(self)
        self._set_timer(None)
        self.writable.set()
        if self in self._idle:
            self._idle.remove(self)
        if self._answer:
            self._answer.on_connection_closed(cleanly=failure is None)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()


def _is_whole(upload: asyncio.Task[None] | None) -> bool:
    return upload is None or (upload.done() and not upload.cancelled() and upload.exception() is None)


@lru_cache(maxsize=1024)
def _place(upstream: str) -> tuple[str, int, bool | None, str]:
    """Host, port, TLS or not, and what stands before every target."""
    parts = urlsplit(upstream)
    is_tls = parts.scheme == "https"
    return parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls or None, parts.path


def _head(method: str, target: str, headers: Headers) -> bytes:
    lines = [f"{method} {target} HTTP/1.1\r\n".encode("ascii"), *(b"%s: %s\r\n" % pair for pair in headers)]
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ValueError("a header would be two")
    return head + b"\r\n"
