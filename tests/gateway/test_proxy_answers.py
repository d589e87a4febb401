"""Answers of real upstreams on loopback, most of which misbehave."""

import asyncio
import resource

import pytest

from gateway.errors import UpstreamTimeout, UpstreamUnavailable
from gateway.http.server import asgi
from gateway.proxy import Proxy, is_dropped
from tests.gateway.raw_socket import SECONDS, exchange, serving, status
from tests.gateway.upstreams import collect, earned, recorded, saying, upstream, whole


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
async def test_an_answer_that_is_not_http_is_unavailable(answer: bytes) -> None:
    async with upstream(saying(answer)) as url, Proxy() as proxy:
        with pytest.raises(UpstreamUnavailable):
            await proxy(recorded(url, deadline_seconds=5.0))


async def test_a_refused_connection_is_unavailable() -> None:
    async with upstream(saying(b"")) as url:
        pass
    async with Proxy() as proxy:
        with pytest.raises(UpstreamUnavailable):
            await proxy(recorded(url))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ],
)
async def test_half_an_answer_is_never_whole(answer: bytes) -> None:
    async with upstream(saying(answer)) as url, Proxy() as proxy:
        with pytest.raises(UpstreamUnavailable):
            await whole(await proxy(recorded(url)))
        async with serving(asgi(lambda raw: proxy(earned(raw, url)))) as port:
            got = await exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert not got.endswith(b"0\r\n\r\n")


async def test_an_answer_that_stands_still_is_a_timeout_and_one_that_drips_is_not() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        for _ in range(8):
            writer.write(b"x")
            await asyncio.sleep(0.1)
        await reader.read(-1)

    async with upstream(drip) as url, Proxy() as proxy:
        outbound = await proxy(recorded(url, deadline_seconds=0.4))
        got = bytearray()
        with pytest.raises(UpstreamTimeout):
            await collect(outbound.body, got)
    assert got == b"x" * 8


async def test_an_event_stream_passes_as_it_comes() -> None:
    seen: asyncio.Queue[None] = asyncio.Queue()

    async def events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            writer.write(b"9\r\ndata: x\n\n\r\n")
            await seen.get()  # the next event exists only once the last one was seen at the far end
        writer.write(b"0\r\n\r\n")

    async with upstream(events) as url, Proxy() as proxy, serving(asgi(lambda raw: proxy(earned(raw, url)))) as port:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for _ in range(3):
                await reader.readuntil(b"data: x\n\n")
                seen.put_nowait(None)
            await reader.readuntil(b"0\r\n\r\n")
            writer.close()


async def test_a_client_that_leaves_a_stream_ends_it_at_the_upstream() -> None:
    ended = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await reader.read(-1)
        ended.set()

    async with (
        upstream(endless) as url,
        Proxy() as proxy,
        serving(asgi(lambda raw: proxy(earned(raw, url, concurrency=1)))) as port,
    ):
        async with asyncio.timeout(SECONDS):
            for _ in range(2):  # the second time proves that the first gave its slot back
                ended.clear()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await reader.readuntil(b"1\r\nx\r\n")
                writer.transport.abort()
                await ended.wait()


async def test_a_large_answer_takes_little_memory() -> None:
    async def large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (100 << 20))
        for _ in range(1600):
            writer.write(b"x" * 65536)
            await writer.drain()

    async with upstream(large) as url, Proxy() as proxy, serving(asgi(lambda raw: proxy(earned(raw, url)))) as port:
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        got_bytes = 0
        while chunk := await reader.read(1 << 20):
            got_bytes += len(chunk)
        writer.close()
        assert got_bytes == 100 << 20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 20 << 10


async def test_an_upstream_speaks_neither_for_the_connection_nor_for_the_door() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b"Transfer-Encoding: chunked\r\n"
        b'X-Citygate-Assertion: a\r\nAlt-Svc: h3=":443"\r\nX-Accel-Redirect: /secret\r\nDate: x\r\nUpgrade: h2c\r\n'
        b"Set-Cookie: __Host-citygate=stolen\r\nSet-Cookie: theirs=1\r\nX-Kept: 1\r\nContent-Encoding: gzip\r\n\r\n"
        b"2\r\nok\r\n0\r\n\r\n"
    )
    async with upstream(saying(head)) as url, Proxy() as proxy:
        outbound = await proxy(recorded(url))
        assert await whole(outbound) == b"ok"
    assert outbound.headers == ((b"set-cookie", b"theirs=1"), (b"x-kept", b"1"), (b"content-encoding", b"gzip"))


@pytest.mark.parametrize(
    "cookie", [b"__Host-citygate=x", b"__host-CityGate-flow=x", b" =__Host-citygate=x", b"=\t__Host-citygate"]
)
def test_the_doors_cookie_is_nobody_elses_to_set(cookie: bytes) -> None:
    assert is_dropped(b"set-cookie", cookie)


@pytest.mark.parametrize("status_code", [301, 302, 303, 307])
async def test_a_redirect_is_the_clients_to_follow(status_code: int) -> None:
    heard: list[bytes] = []
    answer = b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status_code
    async with upstream(saying(answer, heard)) as url, Proxy() as proxy:
        outbound = await proxy(recorded(url))
        await whole(outbound)
    assert (outbound.status, len(heard)) == (status_code, 1)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 204 X\r\n\r\n", b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", b"HTTP/1.0 200 X\r\n\r\nok"]
)
async def test_answers_without_a_length_are_framed_rightly(answer: bytes) -> None:
    async with (
        upstream(saying(answer)) as url,
        Proxy() as proxy,
        serving(asgi(lambda raw: proxy(earned(raw, url)))) as port,
    ):
        got = await exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert status(got) == int(answer[9:12])
    assert got.endswith(b"2\r\nok\r\n0\r\n\r\n" if answer.endswith(b"ok") else b"\r\n\r\n")
