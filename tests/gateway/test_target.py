"""The server under raw bytes: what it refuses by itself, what it bounds, and that the target arrives untouched."""

import asyncio

import pytest

from gateway.http.server import REQUESTS, asgi
from gateway.http.target import NETWORK_CONNECTIONS, TargetProtocol
from gateway.stages import Outbound, Raw
from tests.gateway.raw_socket import SECONDS, exchange, serving, status

GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Hasty(TargetProtocol):
    """As the real one, with a short patience."""

    head_seconds = 0.2


async def echo(raw: Raw) -> Outbound:
    """Answer the target and the body, as received."""
    body = b"".join([chunk async for chunk in raw.body()])
    return Outbound(status=200, body=b"[" + raw.target + b"]" + body)


@pytest.mark.parametrize("target", [b"/a#f", b"/a?", b"http://evil/x", b"*", b"/a;b/%2e%2e/%zz?q#", b"//x", b"/[]|^"])
async def test_the_target_arrives_as_it_was_sent(target: bytes) -> None:
    method = b"OPTIONS" if target == b"*" else b"GET"
    async with serving(asgi(echo)) as port:
        answer = await exchange(port, method + b" " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert status(answer) == 200
    assert answer.endswith(b"[" + target + b"]")


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /\xe4\xb8\xad HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_not_one_http_request_is_400_and_reaches_nobody(sent: bytes) -> None:
    reached = []

    async def never(raw: Raw) -> Outbound:
        reached.append([chunk async for chunk in raw.body()])
        return Outbound(status=200)

    async with serving(asgi(never)) as port:
        assert status(await exchange(port, sent)) == 400
    assert not reached


@pytest.mark.parametrize(
    "head", [b"X: " + b"a" * 65 * 1024, b"\r\n".join(b"X-%d: %s" % (n, b"a" * 900) for n in range(80))]
)
@pytest.mark.parametrize("piece_bytes", [1 << 20, 4000])
async def test_a_head_above_64_kib_is_400(head: bytes, piece_bytes: int) -> None:
    sent = b"GET / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n"
    pieces = [sent[at : at + piece_bytes] for at in range(0, len(sent), piece_bytes)]
    async with serving(asgi(echo)) as port:
        assert status(await exchange(port, *pieces)) == 400


async def test_a_head_without_end_is_cut_off() -> None:
    async with serving(asgi(echo)) as port:
        answer = await exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", *[b"a" * 4096] * 40)
    assert status(answer) in (0, 400)  # who goes on sending may lose the answer, never the end


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHo", GET.replace(b"Connection: close\r\n", b"") + b"GET /"])
async def test_a_silent_client_is_left(said: bytes) -> None:
    async with serving(asgi(echo), protocol=Hasty) as port:
        await exchange(port, said)  # ends: the server closed


async def test_a_dribbled_head_gets_no_more_time() -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(asgi(echo), protocol=Hasty) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET.replace(b"Connection: close\r\n", b""))
        await reader.readuntil(b"[/]")
        with pytest.raises(ConnectionError):
            await dribble(writer)
        writer.transport.abort()


class Crowded(TargetProtocol):
    """As the real one, for few."""

    network_connections = 5


async def asked_from(address: str, port: int) -> bytes:
    """The answer to one request from an address of this machine, b"" when the connection is refused one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        async with asyncio.timeout(SECONDS):
            writer.write(GET)
            return await reader.read(-1)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def test_one_network_cannot_hold_all_the_room_with_idle_connections() -> None:
    assert NETWORK_CONNECTIONS < REQUESTS
    async with serving(asgi(echo), protocol=Crowded) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.0.0.{n}", 0)) for n in range(1, 6)]
        assert await asked_from("127.0.0.99", port) == b""
        assert status(await asked_from("127.0.1.1", port)) == 200
        for _, writer in idle[:2]:
            writer.transport.abort()
        await asyncio.sleep(0.1)
        assert status(await asked_from("127.0.0.99", port)) == 200
        for _, writer in idle[2:]:
            writer.transport.abort()


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving(asgi(echo)) as port:
        sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(5))
        answer = await exchange(port, sent + GET)
    assert [answer.index(b"[/%d]" % n) for n in range(5)] == sorted(answer.index(b"[/%d]" % n) for n in range(5))


async def test_too_many_pipelined_requests_end_the_connection() -> None:
    waiting = asyncio.Event()

    async def slow(raw: Raw) -> Outbound:
        await asyncio.wait_for(waiting.wait(), 30)
        return await echo(raw)

    async with serving(asgi(slow)) as port:
        assert await exchange(port, GET.replace(b"Connection: close\r\n", b"") * 20) == b""
        waiting.set()


async def test_garbage_behind_a_request_never_lands_inside_its_answer() -> None:
    async def streaming(raw: Raw) -> Outbound:
        async def pieces():  # type: ignore[no-untyped-def]
            yield b"first"
            await asyncio.sleep(0.3)
            yield b"second"

        return Outbound(status=200, headers=((b"content-length", b"11"),), body=pieces())

    async with serving(asgi(streaming)) as port:
        answer = await exchange(port, GET.replace(b"Connection: close\r\n", b""), b"\x00garbage\r\n\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"400" not in answer


async def test_a_broken_chunk_ends_the_request_that_reads_it() -> None:
    ended = asyncio.Event()

    async def reading(raw: Raw) -> Outbound:
        try:
            return await echo(raw)
        finally:
            ended.set()

    async with serving(asgi(reading)) as port:
        sent = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        assert status(await exchange(port, sent, b"zz\r\n")) == 400
        async with asyncio.timeout(SECONDS):
            await ended.wait()


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"tls/1.0"])
async def test_bytes_behind_a_refused_upgrade_are_not_a_request(upgrade: bytes) -> None:
    targets = []

    async def refusing(raw: Raw) -> Outbound:
        targets.append(raw.target)
        assert raw.websocket is (upgrade == b"websocket")
        return Outbound(status=400)

    head = (
        b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + b"\r\nContent-Length: 41\r\n\r\n"
    )
    async with serving(asgi(refusing)) as port:
        answer = await exchange(
            port, head + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n"
        )
    assert answer.count(b"HTTP/1.1") <= 1
    assert targets in ([b"/a"], [])


async def test_a_refused_upgrade_ends_the_connection() -> None:
    async with serving(asgi(echo)) as port:
        answer = await exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert status(answer) == 200  # by this application; `canonical` refuses it
    assert b"\r\nconnection: close\r\n" in answer


async def test_no_version_of_the_server_is_told() -> None:
    async with serving(asgi(echo)) as port:
        assert b"\r\nserver:" not in await exchange(port, GET)


_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


@pytest.mark.parametrize(
    "parts", [(_CHUNKED + b"Authorization: Bearer x\r\n\r\n",), (_CHUNKED, b"Authorization: Bearer x\r\n\r\n")]
)
async def test_a_trailer_is_never_a_header_in_whatever_pieces_it_comes(parts: tuple[bytes, ...]) -> None:
    told: list[tuple[bytes, bytes]] = []

    async def telling(raw: Raw) -> Outbound:
        told.extend(raw.headers)
        return await echo(raw)

    async with serving(asgi(telling)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)
        async with asyncio.timeout(SECONDS):
            answer = await reader.read(-1)
        writer.close()
    assert b"200 OK" not in answer
    assert not [name for name, _ in told if name == b"authorization"]


async def test_a_trailer_without_end_is_cut_off() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        for _ in range(200):
            writer.write(b"A" * 65536)
            await writer.drain()
            await asyncio.sleep(0.005)

    async with serving(asgi(echo)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_CHUNKED + b"x: ")
        with pytest.raises(ConnectionError):
            await flood(writer)
        writer.close()
