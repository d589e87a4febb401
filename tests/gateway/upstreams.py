"""Upstreams on loopback that say exactly what a test wants, and requests that have earned their delivery to them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from authz.request import Decision, Effect
from gateway.canonical import canonical
from gateway.routes import Route
from gateway.stages import Admitted, Authenticated, Headers, Matched, Outbound, Raw, Recorded
from idp.identity import NOBODY, Identity

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def upstream(talk: Talk) -> AsyncIterator[str]:
    """An upstream that says whatever `talk` says, once per connection; all of it ends with the test."""
    talks = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks)


def saying(answer: bytes, heard: list[bytes] | None = None) -> Talk:
    """Read one head, say `answer`, close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(head)
        writer.write(answer)
        await writer.drain()

    return talk


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def recorded(
    url: str,
    *headers: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/",
    body: tuple[bytes, ...] = (),
    subject: str = NOBODY.subject,
    **route: object,
) -> Recorded:
    """A request that has earned its delivery to `url`."""
    raw = Raw(
        method=method,
        target=target,
        headers=((b"host", b"a.localhost:8080"), *headers),
        peer="",
        body=lambda: pieces(*body),
    )
    return earned(raw, url, subject, **route)


def earned(raw: Raw, url: str, subject: str = NOBODY.subject, **route: object) -> Recorded:
    inbound = canonical(raw, now=datetime(2026, 1, 1, tzinfo=UTC), mint=lambda: "01J")
    entry = Route(host="a.localhost", path="/**", system="a", department="d", actions={"GET": "read"}, upstream=url)
    matched = Matched(
        inbound=inbound,
        route=replace(entry, **route),
        department="d",
        object="/a/",
        action="read",
        label=entry.label,  # type: ignore[arg-type]
    )
    permit = Decision(id="01J", effect=Effect.PERMIT, reason="permit")
    admitted = Admitted(
        authenticated=Authenticated(matched=matched, identity=Identity(subject=subject)), decision=permit
    )
    forward: Headers = tuple(
        pair for pair in inbound.headers if pair[0] not in (b"transfer-encoding", b"connection", b"upgrade")
    )
    return Recorded(admitted=admitted, forward=forward)


async def whole(outbound: Outbound) -> bytes:
    """The answer's body, read to its end."""
    got = bytearray()
    await collect(outbound.body, got)
    return bytes(got)


async def collect(body: bytes | AsyncIterator[bytes], got: bytearray) -> None:
    """Put into `got` what comes, also when it breaks off."""
    assert not isinstance(body, bytes)
    async for chunk in body:
        got += chunk
