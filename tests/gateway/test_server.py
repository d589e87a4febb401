"""Outbound on the wire: framing, back-pressure, clients that go away, and the secrets of the inner listeners."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.errors import ClientGone, RequestTimeout, UpstreamUnavailable
from gateway.http.server import asgi
from gateway.stages import Outbound, Raw
from tests.gateway.raw_socket import SECONDS, exchange, serving, status

GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Pieces:
    """A body that says whether it was closed."""

    def __init__(self, *pieces: bytes, forever: bytes = b"") -> None:
        self._pieces, self._forever = list(pieces), forever
        self.closed, self.given_bytes = asyncio.Event(), 0

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(0)
        if not self._pieces and not self._forever:
            raise StopAsyncIteration
        piece = self._pieces.pop(0) if self._pieces else self._forever
        self.given_bytes += len(piece)
        return piece

    async def aclose(self) -> None:
        self.closed.set()


async def echo(raw: Raw) -> Outbound:
    return Outbound(status=200, body=b"".join([chunk async for chunk in raw.body()]))


def always(outbound: Outbound):  # type: ignore[no-untyped-def]
    async def handle(raw: Raw) -> Outbound:
        return outbound

    return handle


@pytest.mark.parametrize("size_bytes", [0, 1, 200_000])
async def test_bytes_have_a_length(size_bytes: int) -> None:
    async with serving(asgi(always(Outbound(status=200, body=b"x" * size_bytes)))) as port:
        head, _, body = (await exchange(port, GET)).partition(b"\r\n\r\n")
    assert b"content-length: %d" % size_bytes in head
    assert len(body) == size_bytes


async def test_a_stream_is_chunked_and_then_closed() -> None:
    pieces = Pieces(b"one", b"", b"two")
    async with serving(asgi(always(Outbound(status=200, body=pieces)))) as port:
        answer = await exchange(port, GET)
    assert answer.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert pieces.closed.is_set()


@pytest.mark.parametrize(
    ("method", "outbound", "length"),
    [
        (b"HEAD", Outbound(status=200, body=b"abc"), b"content-length: 3"),
        (b"HEAD", Outbound(status=200, headers=((b"content-length", b"7"),), body=Pieces()), b"content-length: 7"),
        (b"GET", Outbound(status=204, headers=((b"content-length", b"7"),), body=b"abc"), b""),
        (b"GET", Outbound(status=304, headers=((b"content-length", b"7"),)), b""),
    ],
)
async def test_what_may_have_no_body_has_none(method: bytes, outbound: Outbound, length: bytes) -> None:
    async with serving(asgi(always(outbound))) as port:
        head, end, body = (await exchange(port, GET.replace(b"GET", method))).partition(b"\r\n\r\n")
    assert (end, body) == (b"\r\n\r\n", b"")
    assert length in head
    assert bool(length) is (b"content-length" in head)
    assert b"transfer-encoding" not in head


async def test_a_request_body_arrives_whole() -> None:
    sent = (
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"2\r\nde\r\n",
        b"0\r\n\r\n",
    )
    async with serving(asgi(echo)) as port:
        assert (await exchange(port, *sent)).endswith(b"\r\n\r\nabcde")


async def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    async with serving(asgi(echo)) as port:
        assert (await exchange(port, head, b"abc")).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


async def test_an_early_refusal_is_seen_by_a_client_that_first_sends_everything() -> None:
    async with serving(asgi(always(Outbound(status=413, body=b"no")))) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        for _ in range(9):
            writer.write(b"x" * 100_000)
            await asyncio.sleep(0.02)
            await writer.drain()
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        answer = await reader.read(-1)
        writer.close()
    assert status(answer) == 413
    assert b"connection: close" in answer
    assert answer.endswith(b"no")


@pytest.mark.parametrize("sent", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
async def test_a_body_that_ends_early_is_the_clients_going(sent: bytes) -> None:
    failures: asyncio.Queue[type] = asyncio.Queue()

    async def handle(raw: Raw) -> Outbound:
        try:
            return await echo(raw)
        except ClientGone as gone:
            failures.put_nowait(type(gone))
            raise

    async with serving(asgi(handle)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + sent)
        await asyncio.sleep(0.05)
        writer.transport.abort()
        async with asyncio.timeout(SECONDS):
            assert await failures.get() is ClientGone


@pytest.mark.parametrize("dribble", [False, True])
async def test_a_body_that_comes_too_slowly_is_a_timeout(dribble: bool) -> None:
    received = bytearray()

    async def handle(raw: Raw) -> Outbound:
        try:
            async for chunk in raw.body():
                received.extend(chunk)
        except RequestTimeout:
            return Outbound(status=408)
        return Outbound(status=200)

    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"
    async with serving(asgi(handle, patience=timedelta(seconds=0.2))) as port:
        assert status(await exchange(port, head, *([b"x"] * 200 if dribble else []))) == 408
    assert len(received) < 100  # it ended while bytes still came


async def test_a_client_that_goes_away_while_it_waits_cancels_the_handle() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handle(raw: Raw) -> Outbound:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Outbound(status=200)

    async with serving(asgi(handle)) as port, asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await started.wait()
        writer.transport.abort()
        await cancelled.wait()


async def test_a_client_that_goes_away_during_the_answer_closes_its_body() -> None:
    pieces = Pieces(forever=b"x" * 1000)
    async with serving(asgi(always(Outbound(status=200, body=pieces)))) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readexactly(5000)
        writer.transport.abort()
        await pieces.closed.wait()


@pytest.mark.parametrize("connection", [b"close", b"keep-alive"])
async def test_what_follows_a_complete_answer_is_not_cancelled(connection: bytes) -> None:
    class Slow(Pieces):
        async def aclose(self) -> None:
            await asyncio.sleep(0.1)
            self.closed.set()

    pieces = Slow(b"x")
    async with serving(asgi(always(Outbound(status=200, body=pieces)))) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET.replace(b"close", connection))
        await reader.readuntil(b"0\r\n\r\n")
        await pieces.closed.wait()
        writer.close()


async def test_an_endless_answer_ends_with_its_client_even_if_the_request_was_never_read() -> None:
    pieces = Pieces(forever=b"x" * 1000)
    async with serving(asgi(always(Outbound(status=200, body=pieces)))) as port, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        await reader.readexactly(5000)
        writer.transport.abort()
        await pieces.closed.wait()


async def test_a_client_that_reads_nothing_is_given_little_and_then_left() -> None:
    pieces = Pieces(forever=b"x" * 65536)
    async with serving(asgi(always(Outbound(status=200, body=pieces)), patience=timedelta(seconds=0.3))) as port:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", port))
            deaf.sendall(GET)
            async with asyncio.timeout(SECONDS):
                await pieces.closed.wait()
    assert pieces.given_bytes < 16 << 20  # what the kernel's buffers hold


async def test_an_answer_that_breaks_off_is_not_ended_as_if_it_were_whole() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"half"
        raise UpstreamUnavailable("gone")

    async with serving(asgi(always(Outbound(status=200, body=breaking())))) as port:
        answer = await exchange(port, GET)
    assert b"half" in answer or not answer
    assert not answer.endswith(b"0\r\n\r\n")


async def test_a_parked_request_is_sent_again_once() -> None:
    asked = []

    async def handle(raw: Raw) -> Outbound:
        asked.append(raw.target)
        again = Raw(method=b"POST", target=raw.target + b"x", headers=(), peer="", body=raw.body)
        return Outbound(status=200, body=raw.target, again=again)

    async with serving(asgi(handle)) as port:
        assert (await exchange(port, GET)).endswith(b"\r\n\r\n/x")
    assert asked == [b"/", b"/x"]


@pytest.mark.parametrize(
    "header",
    [
        (b"x", b"a\r\nset-cookie: b=c"),
        (b"x", b"a\nset-cookie: b=c"),
        (b"x: y\r\nset-cookie", b"b=c"),
        (b"x", b"\0set-cookie"),
        (b"transfer-encoding", b"set-cookie"),
    ],
)
async def test_a_header_that_would_be_two_never_leaves(header: tuple[bytes, bytes]) -> None:
    async with serving(asgi(always(Outbound(status=200, headers=(header,), body=b"x")))) as port:
        assert b"set-cookie" not in await exchange(port, GET)


@pytest.mark.parametrize("told", [b"2", b"4"])
async def test_a_body_that_is_not_as_long_as_its_head_says_is_broken_off(told: bytes) -> None:
    answer = Outbound(status=200, headers=((b"content-length", told),), body=b"abc")
    async with serving(asgi(always(answer))) as port:
        assert (await exchange(port, GET.replace(b"Connection: close\r\n", b"") + GET)).count(b"HTTP/1.1") <= 1
