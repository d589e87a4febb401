"""Upstreams that say more, less or other than HTTP/1.1 allows, and connections that must not be used again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.errors import DigestWrong, UpstreamUnavailable
from gateway.http import upstream as ours
from gateway.proxy import Proxy
from gateway.stages import Authenticated, Recorded
from idp.identity import NOBODY
from tests.gateway.raw_socket import SECONDS
from tests.gateway.upstreams import OK, Talk, recorded, saying, upstream, whole

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Answering:
    """Says one prepared answer to each request and goes on listening; counts connections."""

    def __init__(self, *answers: bytes) -> None:
        self._answers, self.connections = list(answers), 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self._answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answers.pop(0))
        await reader.read(-1)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity\r\n\r\nok",
        HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        HEAD + b"Content-Length: 2, 2\r\n\r\nok",
        HEAD + b"X: a\x01b\r\nContent-Length: 2\r\n\r\nok",
        HEAD + b"X: a\r\n folded\r\nContent-Length: 2\r\n\r\nok",
        HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 4000) for n in range(10)) + b"Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000 + OK,
        b"HTTP/1.1 100 Continue\r\nUpgrade: x\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
    ],
)
async def test_an_answer_that_could_be_read_in_two_ways_is_read_in_none(answer: bytes) -> None:
    async with upstream(saying(answer)) as url, Proxy() as proxy:
        with pytest.raises(UpstreamUnavailable):
            await whole(await proxy(recorded(url)))


async def test_interim_answers_are_not_the_answer() -> None:
    said = b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    async with upstream(saying(said)) as url, Proxy() as proxy:
        outbound = await proxy(recorded(url))
        assert (outbound.status, await whole(outbound)) == (200, b"ok")
    assert outbound.headers == ((b"content-length", b"2"),)


async def test_trailers_are_nobodys() -> None:
    said = CHUNKED + b"2\r\nok\r\n0\r\nSet-Cookie: a=b\r\n\r\n"
    async with upstream(saying(said)) as url, Proxy() as proxy:
        outbound = await proxy(recorded(url))
        assert (outbound.headers, await whole(outbound)) == ((), b"ok")


@pytest.mark.parametrize("flood", [b"0\r\n" + b"X: a\r\n" * 20_000, b"2;" + b"x" * 100_000])
async def test_trailers_and_chunk_sizes_without_end_are_cut_off(flood: bytes) -> None:
    async with upstream(saying(CHUNKED + b"2\r\nok\r\n" + flood)) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        with pytest.raises(UpstreamUnavailable):
            await whole(await proxy(recorded(url)))


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (b"GET", OK),
        (b"GET", CHUNKED + b"2\r\nok\r\n0\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 X\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n"),
        (b"HEAD", HEAD + b"Content-Length: 9\r\n\r\n"),
        (b"HEAD", CHUNKED),
    ],
)
async def test_a_connection_is_used_again_after_an_answer_that_ended_where_it_said(
    method: bytes, answer: bytes
) -> None:
    talk = Answering(answer, OK)
    async with upstream(talk) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        got = await whole(await proxy(recorded(url, method=method)))
        assert got == (b"ok" if b"ok" in answer else b"")
        assert await whole(await proxy(recorded(url))) == b"ok"
    assert talk.connections == 1


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (b"GET", OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"),
        (b"GET", OK + b"HTTP/1.1 200 OK\r\nContent-Le"),
        (b"GET", HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"),
        (b"GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        (b"HEAD", HEAD + b"Content-Length: 6\r\n\r\nforged"),
        (b"HEAD", HEAD + b"Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"),
        (b"GET", b"HTTP/1.1 204 X\r\n\r\nforged"),
    ],
)
async def test_what_comes_behind_an_answer_is_nobodys_answer(method: bytes, answer: bytes) -> None:
    talk = Answering(answer, OK)
    async with upstream(talk) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        assert b"forged" not in await whole(await proxy(recorded(url, method=method)))
        assert await whole(await proxy(recorded(url))) == b"ok"
    assert talk.connections == 2


async def test_what_comes_between_two_requests_ends_the_connection() -> None:
    said = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        if not said.is_set():
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
            said.set()
        await reader.read(-1)

    async with upstream(talk) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        await whole(await proxy(recorded(url)))
        await said.wait()
        await asyncio.sleep(0.05)
        assert await whole(await proxy(recorded(url))) == b"ok"


async def test_an_idle_connection_is_closed_before_its_upstream_would(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read(-1)
        closed.set()

    monkeypatch.setattr(ours, "KEPT_ALIVE_SECONDS", 0.1)
    async with upstream(talk) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        await whole(await proxy(recorded(url)))
        await closed.wait()


def _uploading(url: str, body: AsyncIterator[bytes]) -> Recorded:
    """A request whose body comes from `body`, and is larger than what is read before it is passed on."""
    request = recorded(url, (b"transfer-encoding", b"chunked"), method=b"POST")
    matched = replace(request.matched, inbound=replace(request.inbound, body=lambda: body))
    return replace(
        request, admitted=replace(request.admitted, authenticated=Authenticated(matched=matched, identity=NOBODY))
    )


async def test_an_answer_before_the_request_is_whole_is_passed_on_and_the_connection_is_not_used_again() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        try:
            await asyncio.sleep(SECONDS)
        finally:
            ended.set()

    talk = Answering(OK, OK)
    async with upstream(talk) as url, Proxy() as proxy, asyncio.timeout(SECONDS / 2):
        assert await whole(await proxy(_uploading(url, endless()))) == b"ok"
        await ended.wait()
        assert await whole(await proxy(recorded(url))) == b"ok"
    assert talk.connections == 2


async def test_while_the_client_is_awaited_the_deadline_stands_still() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0.5)
        yield b"b"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(OK)

    async with upstream(talk) as url, Proxy() as proxy:
        request = _uploading(url, slow())
        route = replace(request.matched.route, deadline_seconds=0.2)
        matched = replace(request.matched, route=route)
        admitted = replace(request.admitted, authenticated=Authenticated(matched=matched, identity=NOBODY))
        assert await whole(await proxy(replace(request, admitted=admitted))) == b"ok"


async def test_a_bug_in_what_the_client_sends_is_told_and_not_waited_for() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    async with upstream(Answering()) as url, Proxy() as proxy, asyncio.timeout(SECONDS / 2):
        with pytest.raises(ZeroDivisionError):
            await proxy(_uploading(url, broken()))


async def test_an_unread_answer_is_read_no_further_than_a_little() -> None:
    sent_bytes = 0

    async def large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % (100 << 20))
        while sent_bytes < 100 << 20:
            writer.write(b"x" * 65536)
            sent_bytes += 65536
            await writer.drain()

    async with upstream(large) as url, Proxy() as proxy:
        outbound = await proxy(recorded(url))
        await asyncio.sleep(0.3)
        assert sent_bytes < 32 << 20  # what the kernel's buffers hold
        assert len(await whole(outbound)) == 100 << 20


async def test_closing_drops_what_is_under_way() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"Content-Length: 9\r\n\r\nhalf")
        await reader.read(-1)

    waiting: Talk = talk
    async with upstream(waiting) as url:
        async with Proxy() as proxy:
            outbound = await proxy(recorded(url))
        with pytest.raises(UpstreamUnavailable):
            await whole(outbound)


async def test_a_connection_with_half_a_request_on_it_is_not_used_again() -> None:
    """The upstream answered before the body was whole and keeps the connection; what came next would be its tail."""
    half, rest, broken_off = asyncio.Event(), asyncio.Event(), asyncio.Event()
    heard: list[bytes] = []

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HEAD + b"Content-Length: 4\r\n\r\nea")
        await writer.drain()
        half.set()
        await asyncio.wait_for(rest.wait(), 30)
        writer.write(b"ly")
        heard.append(await reader.read(-1))

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 4
        await asyncio.wait_for(broken_off.wait(), 30)
        raise DigestWrong

    async with upstream(early) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        request = _uploading(url, broken())
        outbound = await proxy(request)
        await half.wait()
        broken_off.set()
        await asyncio.sleep(0.05)  # nobody reads the answer while the upload breaks
        rest.set()
        with pytest.raises((DigestWrong, UpstreamUnavailable)):
            await whole(outbound)
        await asyncio.sleep(0.05)
        with contextlib.suppress(UpstreamUnavailable):
            await proxy(recorded(url))
    assert all(b"GET" not in one for one in heard[1:2]), "the next request is no part of that body"
