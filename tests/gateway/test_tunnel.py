"""A WebSocket through the door, with a real library at both ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from gateway.errors import GatewayError, UpgradeRefused, UpstreamBusy, UpstreamTimeout, UpstreamUnavailable
from gateway.http import tunnel
from gateway.http.server import asgi
from gateway.proxy import Proxy
from gateway.stages import Outbound, Raw
from tests.gateway.raw_socket import SECONDS, exchange, serving, status
from tests.gateway.upstreams import earned, saying, upstream

HANDSHAKE = (
    (b"host", b"a.localhost"),
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"),
)
AGREED = (
    b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: a=b\r\n\r\n"  # RFC 6455 §1.3
)


@contextlib.asynccontextmanager
async def portal(talk: Callable[[web.WebSocketResponse], Awaitable[None]]) -> AsyncIterator[str]:
    """A portal that speaks WebSocket."""

    async def answer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=8 << 20, protocols=("chat",))
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError):
            await talk(socket)
        return socket

    application = web.Application()
    application.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def echo(socket: web.WebSocketResponse) -> None:
    """Send everything back."""
    async for message in socket:
        await socket.send_bytes(message.data.encode() if isinstance(message.data, str) else message.data)


@contextlib.asynccontextmanager
async def door(url: str, **route: object) -> AsyncIterator[int]:
    """The proxy behind the real server; a refusal is a 400."""
    async with Proxy() as proxy:

        async def handle(raw: Raw) -> Outbound:
            try:
                return await proxy(earned(raw, url, **{"websocket": True, **route}))
            except GatewayError as refusal:
                return Outbound(status=400, body=refusal.code.encode())

        async with serving(asgi(handle)) as port:
            yield port


@pytest.mark.parametrize("size_bytes", [0, 125, 300_000, 5_000_000])
async def test_messages_pass_both_ways_whole(size_bytes: int) -> None:
    async with portal(echo) as url, door(url) as port, aiohttp.ClientSession() as session, asyncio.timeout(SECONDS):
        address = f"http://127.0.0.1:{port}/live?a=%2F"
        socket = await session.ws_connect(address, protocols=("chat",), max_msg_size=8 << 20)
        assert socket.protocol == "chat"
        for _ in range(3):
            await socket.send_bytes(b"x" * size_bytes)
            assert len(await socket.receive_bytes()) == size_bytes
        await socket.close()


async def test_the_close_of_either_end_reaches_the_other_and_gives_the_slot_back() -> None:
    closed: asyncio.Queue[int | None] = asyncio.Queue()

    async def talk(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.data == "bye":
                await socket.close(code=4001)
        closed.put_nowait(socket.close_code)

    async with portal(talk) as url, door(url, concurrency=1) as port, aiohttp.ClientSession() as session:
        async with asyncio.timeout(SECONDS):
            for _ in range(2):
                socket = await session.ws_connect(f"http://127.0.0.1:{port}/")
                await socket.close(code=4000)
                assert await closed.get() == 4000
                await asyncio.sleep(0.1)
                socket = await session.ws_connect(f"http://127.0.0.1:{port}/")
                await socket.send_str("bye")
                await socket.receive()
                assert socket.close_code == 4001
                await closed.get()
                await asyncio.sleep(0.1)


async def test_a_client_that_vanishes_ends_the_tunnel_at_the_upstream() -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(AGREED + b"frame")
        with contextlib.suppress(ConnectionError):
            await reader.read(-1)
        ended.set()

    async with upstream(talk) as url, door(url) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"set-cookie" not in head.lower()
        assert await reader.readexactly(5) == b"frame"
        writer.transport.abort()
        await ended.wait()


async def test_a_silent_tunnel_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "IDLE_SECONDS", 0.2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(AGREED)
        await reader.read(-1)

    async with upstream(talk) as url, door(url) as port:
        assert status(await exchange(port, _request())) == 101


async def test_a_stop_cuts_a_tunnel_that_goes_on() -> None:
    async with asyncio.timeout(SECONDS), portal(echo) as url, aiohttp.ClientSession() as session:
        async with door(url) as port:
            socket = await session.ws_connect(f"http://127.0.0.1:{port}/")
        assert (await socket.receive()).type in (
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.ERROR,
        )
        await socket.close()


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", UpstreamUnavailable),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", UpstreamUnavailable),
        (AGREED.replace(b"s3p", b"S3p"), UpstreamUnavailable),
        (AGREED.replace(b"101", b"200"), UpstreamUnavailable),
        (AGREED.replace(b"HTTP/1.1", b"HTTP/1.0"), UpstreamUnavailable),
        (b"garbage\r\n\r\n", UpstreamUnavailable),
        (b"", UpstreamUnavailable),
        (b"HTTP/1.1 101 X\r\nX: " + b"a" * (1 << 18), UpstreamUnavailable),
    ],
)
async def test_an_upstream_that_does_not_agree_gets_no_tunnel(answer: bytes, refusal: type[GatewayError]) -> None:
    async with upstream(saying(answer)) as url, Proxy() as proxy:
        with pytest.raises(refusal):
            await proxy(_handshake(url))


async def test_an_upstream_that_does_not_answer_the_handshake_is_a_timeout() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with upstream(hang) as url, Proxy() as proxy:
        for _ in range(2):
            with pytest.raises(UpstreamTimeout):
                await proxy(_handshake(url, deadline_seconds=0.1, concurrency=1))


async def test_a_route_without_websocket_refuses_the_handshake() -> None:
    async with upstream(saying(b"")) as url, Proxy() as proxy:
        with pytest.raises(UpgradeRefused):
            await proxy(_handshake(url, websocket=False))


async def test_tunnels_count_as_requests_under_way() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(AGREED)
        await reader.read(-1)

    async with upstream(talk) as url, door(url, concurrency=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request())
        await reader.readuntil(b"\r\n\r\n")
        assert (await exchange(port, _request())).endswith(UpstreamBusy.code.encode())
        writer.transport.abort()


async def test_a_tunnel_nobody_begins_gives_its_slot_back() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(AGREED)
        await reader.read(-1)

    async with upstream(talk) as url, Proxy() as proxy:
        for _ in range(2):
            answer = await proxy(_handshake(url, concurrency=1))
            await answer.body.aclose()  # type: ignore[union-attr]


async def test_a_tunnel_whose_body_is_wrapped_ends_with_the_task_that_reads_it() -> None:
    """As a revoked session's streams are ended."""
    reading: list[asyncio.Task[object] | None] = []

    async def followed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        reading.append(asyncio.current_task())
        async for piece in body:
            yield piece

    async with portal(echo) as url, Proxy() as proxy:

        async def handle(raw: Raw) -> Outbound:
            answer = await proxy(earned(raw, url, websocket=True))
            return replace(answer, body=followed(answer.body))  # type: ignore[arg-type]

        async with serving(asgi(handle)) as port, aiohttp.ClientSession() as session, asyncio.timeout(SECONDS):
            socket = await session.ws_connect(f"http://127.0.0.1:{port}/")
            await socket.send_bytes(b"x")
            assert await socket.receive_bytes() == b"x"
            [task] = reading
            assert task
            task.cancel()
            assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_frames_sent_before_the_answer_end_the_connection() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        writer.write(AGREED)
        await reader.read(-1)

    async with upstream(talk) as url, door(url) as port:
        assert await exchange(port, _request(), b"early") == b""


def _request() -> bytes:
    return b"GET /live HTTP/1.1\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in HANDSHAKE) + b"\r\n"


def _handshake(url: str, **route: object):  # type: ignore[no-untyped-def]
    async def no_body() -> AsyncIterator[bytes]:
        return
        yield b""

    raw = Raw(method=b"GET", target=b"/", headers=HANDSHAKE, peer="", body=no_body, websocket=True)
    return earned(raw, url, **{"websocket": True, **route})
