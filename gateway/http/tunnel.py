"""A WebSocket through the door (RFC 6455): the handshake is a request, what follows nobody here reads."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from gateway.errors import UpstreamTimeout, UpstreamUnavailable
from gateway.http.target import TUNNEL_BYTES, Tunnel
from gateway.routes import Route
from gateway.stages import Headers, Outbound

IDLE_SECONDS = 120.0  # without a byte in either direction; WebSocket libraries ping more often
FLUSH_SECONDS = 10.0
_STATUS = re.compile(rb"HTTP/1\.1 101(?: [^\r\n]*)?")
_HANDSHAKE_ANSWER = frozenset({b"sec-websocket-accept", b"sec-websocket-protocol", b"sec-websocket-extensions"})
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """The body of an answer 101: to iterate it is to copy both ways until the tunnel ends; it yields nothing itself."""

    def __init__(self, upstream: _Wire, agreed: Headers, release: Callable[[], None]) -> None:
        self._upstream, self._agreed, self._release = upstream, agreed, release
        self.tunnel: Tunnel | None = None  # the server's, set before it iterates

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self.tunnel is None:
            raise RuntimeError("no connection to relay")
        try:
            client = await self.tunnel(_head(b"HTTP/1.1 101 Switching Protocols", self._agreed))
            await _relay(client, self._upstream)
        finally:
            await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Drop the upstream, whether or not the tunnel ever began."""
        self._upstream[1].transport.abort()
        self._release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded(Outbound):
    """An answer 101, whose body takes the connection over."""

    relay: Relay


async def tunnel_to(route: Route, target: str, headers: Headers, *, release: Callable[[], None]) -> Upgraded:
    """Make the handshake with the route's upstream; `release` is called once the tunnel has ended.

    `headers` are end-to-end only. Raises UpstreamUnavailable when the upstream does not agree, UpstreamTimeout.
    """
    key = next((value for name, value in headers if name == b"sec-websocket-key"), b"")
    try:
        async with asyncio.timeout(route.deadline_seconds):
            upstream = await _connect(route.upstream)
            try:
                agreed = await _handshake(upstream, target, headers)
            except BaseException:
                upstream[1].transport.abort()
                raise
    except TimeoutError:
        raise UpstreamTimeout("no handshake within the route's deadline") from None
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as broken:
        raise UpstreamUnavailable(type(broken).__name__) from None
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    if (b"sec-websocket-accept", accept) not in agreed:
        upstream[1].transport.abort()
        raise UpstreamUnavailable("the upstream did not agree to a WebSocket")

    relay = Relay(upstream, agreed, release)
    return Upgraded(status=101, headers=agreed, body=relay, relay=relay)


async def _connect(upstream: str) -> _Wire:
    parts = urlsplit(upstream)
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    return await asyncio.open_connection(parts.hostname, port, ssl=tls or None, limit=TUNNEL_BYTES)


async def _handshake(upstream: _Wire, target: str, headers: Headers) -> Headers:
    reader, writer = upstream
    writer.write(_head(f"GET {target} HTTP/1.1".encode("ascii"), headers))
    await writer.drain()
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n").split(b"\r\n")
    if not _STATUS.fullmatch(status):
        return ()
    received = (line.partition(b":") for line in lines)
    return tuple((name.lower(), value.strip()) for name, _, value in received if name.lower() in _HANDSHAKE_ANSWER)


def _head(first: bytes, headers: Headers) -> bytes:
    pairs = (*headers, (b"connection", b"Upgrade"), (b"upgrade", b"websocket"))
    return b"\r\n".join((first, *(name + b": " + value for name, value in pairs), b"", b""))


async def _relay(client: _Wire, upstream: _Wire) -> None:
    """Copy both ways until one end closes or both are silent; nothing is kept beyond one buffer each way."""
    loop = asyncio.get_running_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: asyncio.Timeout) -> None:
        while piece := await reader.read(TUNNEL_BYTES):
            writer.write(piece)
            await writer.drain()
            if not clock.expired():
                clock.reschedule(loop.time() + IDLE_SECONDS)

    pumps: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(IDLE_SECONDS) as clock:
            pumps = [
                asyncio.create_task(pump(client[0], upstream[1], clock)),
                asyncio.create_task(pump(upstream[0], client[1], clock)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        client[1].transport.abort()
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        client[1].close()  # what was already written may still leave
        loop.call_later(FLUSH_SECONDS, client[1].transport.abort)
