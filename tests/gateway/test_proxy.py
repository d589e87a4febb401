"""Delivery to real upstreams on loopback: what goes up, and what ends it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import (
    BodyTooLarge,
    GatewayError,
    RequestTimeout,
    TargetRefused,
    UpstreamBusy,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.proxy import KEPT_BODY_BYTES, SHARES, Proxy
from gateway.stages import Authenticated
from idp.identity import NOBODY
from tests.gateway.raw_socket import SECONDS
from tests.gateway.upstreams import OK, recorded, saying, upstream, whole


async def test_the_upstream_gets_exactly_the_authorized_head() -> None:
    heard: list[bytes] = []
    async with upstream(saying(OK, heard)) as url, Proxy() as proxy:
        target = b'/%E4%B8%AD%20x/~a?q=%zz[]|^"%2f+?&%e4'
        outbound = await proxy(recorded(url, (b"x-a", "中".encode()), target=target))
        assert (outbound.status, await whole(outbound)) == (200, b"ok")
    assert heard == [b"GET " + target + b" HTTP/1.1\r\nhost: a.localhost:8080\r\nx-a: " + "中".encode() + b"\r\n\r\n"]


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20),
    st.text(st.sampled_from("ab.~!$&'()*+,=:@-_/%20C3"), max_size=12),
)
async def test_no_target_changes_on_its_way(query: str, path: str) -> None:
    heard: list[bytes] = []
    async with upstream(saying(OK, heard)) as url, Proxy() as proxy:
        with contextlib.suppress(TargetRefused):
            request = recorded(url, target=f"/{path}?{query}".encode())
            await whole(await proxy(request))
            assert heard[0].split(b" ")[1].decode() == request.inbound.target


@pytest.mark.parametrize(
    ("headers", "body", "framing", "sent"),
    [
        ((b"content-length", b"5"), (b"ab", b"cde"), b"content-length: 5", b"abcde"),
        (
            (b"transfer-encoding", b"chunked"),
            (b"ab", b"cde"),
            b"transfer-encoding: chunked",
            b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
        ),
        ((b"content-length", b"0"), (), b"content-length: 0", b""),
    ],
)
async def test_a_body_is_framed_as_it_came(
    headers: tuple[bytes, bytes], body: tuple[bytes, ...], framing: bytes, sent: bytes
) -> None:
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        heard.append(await reader.readexactly(len(sent)))
        writer.write(OK)

    async with upstream(talk) as url, Proxy() as proxy:
        await whole(await proxy(recorded(url, headers, method=b"POST", body=body)))
    assert framing in heard[0].lower()
    assert heard[1] == sent
    assert heard[0].lower().count(b"content-length") + heard[0].lower().count(b"transfer-encoding") == 1


async def test_an_announced_body_above_the_limit_never_reaches_the_upstream() -> None:
    heard: list[bytes] = []
    async with upstream(saying(OK, heard)) as url, Proxy() as proxy:
        with pytest.raises(BodyTooLarge):
            await proxy(recorded(url, (b"content-length", b"11"), method=b"POST", body=(b"x" * 11,), body_bytes=10))
    assert not heard


async def test_a_chunked_body_above_the_limit_is_cut_and_never_completed() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read(-1))

    async with upstream(talk) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        chunked, body = (b"transfer-encoding", b"chunked"), (b"1" * KEPT_BODY_BYTES, b"2" * 11)
        request = recorded(url, chunked, method=b"POST", body=body, body_bytes=KEPT_BODY_BYTES + 10)
        with pytest.raises(BodyTooLarge):
            await proxy(request)
        assert not (await heard).endswith(b"0\r\n\r\n")


async def test_who_sends_a_small_body_slowly_holds_no_slot() -> None:
    goes_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.wait_for(goes_on.wait(), 30)
        yield b"b"

    async with upstream(saying(OK)) as url, Proxy() as proxy:
        request = recorded(url, (b"content-length", b"2"), method=b"POST", concurrency=1, body_bytes=10)
        inbound = replace(request.inbound, body=slow)
        matched = replace(request.matched, inbound=inbound)
        admitted = replace(request.admitted, authenticated=replace(request.admitted.authenticated, matched=matched))
        waiting = asyncio.create_task(proxy(replace(request, admitted=admitted)))
        await asyncio.sleep(0.05)
        await whole(await proxy(recorded(url, concurrency=1)))
        goes_on.set()
        await whole(await waiting)


async def test_a_client_that_stops_sending_is_not_the_upstreams_fault() -> None:
    async def stopping() -> AsyncIterator[bytes]:
        yield b"ab"
        raise RequestTimeout("stopped")

    async with upstream(saying(b"")) as url, Proxy() as proxy:
        request = recorded(url, (b"content-length", b"5"), method=b"POST")
        inbound = replace(request.inbound, body=stopping)
        matched = replace(request.matched, inbound=inbound)
        admitted = replace(request.admitted, authenticated=Authenticated(matched=matched, identity=NOBODY))
        with pytest.raises(RequestTimeout):
            await proxy(replace(request, admitted=admitted))


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def _drip_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("talk", [_hang, _drip_head])
async def test_an_upstream_that_never_answers_is_a_timeout(talk: Callable[..., Awaitable[None]]) -> None:
    async with upstream(talk) as url, Proxy() as proxy:
        with pytest.raises(UpstreamTimeout):
            await proxy(recorded(url, deadline_seconds=0.2))


async def test_an_upstream_that_stops_reading_is_a_timeout() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(SECONDS)

    body = (b"x" * (1 << 20),) * 64
    async with upstream(deaf) as url, Proxy() as proxy:
        with pytest.raises(UpstreamTimeout):
            await proxy(
                recorded(
                    url,
                    (b"content-length", b"%d" % (64 << 20)),
                    method=b"POST",
                    body=body,
                    body_bytes=64 << 20,
                    deadline_seconds=0.3,
                )
            )


async def test_more_than_the_route_allows_is_busy_until_one_ends() -> None:
    async with upstream(saying(OK)) as url, Proxy() as proxy:
        first = await proxy(recorded(url, concurrency=1))
        with pytest.raises(UpstreamBusy):
            await proxy(recorded(url, concurrency=1))
        await whole(first)
        dropped = await proxy(recorded(url, concurrency=1))
        await dropped.body.aclose()  # type: ignore[union-attr]
        await whole(await proxy(recorded(url, concurrency=1)))


async def test_nobody_signed_in_holds_more_than_a_share() -> None:
    async with upstream(saying(OK)) as url, Proxy() as proxy:
        held = [await proxy(recorded(url, concurrency=8, subject="user:1")) for _ in range(8 // SHARES)]
        with pytest.raises(UpstreamBusy):
            await proxy(recorded(url, concurrency=8, subject="user:1"))
        others = [await proxy(recorded(url, concurrency=8, subject=f"user:{number}")) for number in range(2, 8)]
        for answer in (*held, *others):
            await whole(answer)
        await whole(await proxy(recorded(url, concurrency=8, subject="user:1")))


async def test_a_slot_is_given_back_once() -> None:
    async with upstream(saying(OK)) as url, Proxy() as proxy:
        ended = await proxy(recorded(url, concurrency=1))
        await whole(ended)
        await ended.body.aclose()  # type: ignore[union-attr]
        held = await proxy(recorded(url, concurrency=1))
        with pytest.raises(UpstreamBusy):
            await proxy(recorded(url, concurrency=1))
        await whole(held)


async def test_a_failure_gives_its_slot_back() -> None:
    async with upstream(saying(b"")) as url, Proxy() as proxy:
        for _ in range(3):
            with pytest.raises(UpstreamUnavailable):
                await proxy(recorded(url, concurrency=1))


@pytest.mark.parametrize(("method", "retried"), [(b"GET", True), (b"POST", False)])
async def test_a_stale_connection_is_tried_again_only_where_that_changes_nothing(method: bytes, retried: bool) -> None:
    heard: list[bytes] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")  # the second request gets no answer, as if the connection had just expired

    async with upstream(once) as url, Proxy() as proxy:
        await whole(await proxy(recorded(url)))
        request = recorded(url, method=method)
        if retried:
            assert await whole(await proxy(request)) == b"ok"
        else:
            with pytest.raises(UpstreamUnavailable):
                await proxy(request)
    assert len(heard) == 1 + retried


async def test_a_connection_is_used_again_only_after_a_whole_answer() -> None:
    connections = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)

    async with upstream(counting) as url, Proxy() as proxy:
        for _ in range(3):
            await whole(await proxy(recorded(url)))
        assert connections == 1
        await (await proxy(recorded(url))).body.aclose()  # type: ignore[union-attr]
        await whole(await proxy(recorded(url)))
        assert connections <= 2


async def test_a_cancelled_delivery_closes_the_upstream() -> None:
    ended, asked = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read(-1)
        ended.set()

    async with upstream(talk) as url, Proxy() as proxy, asyncio.timeout(SECONDS):
        task = asyncio.create_task(proxy(recorded(url, concurrency=1)))  # type: ignore[arg-type]
        await asked.wait()
        task.cancel()
        await ended.wait()
        with pytest.raises(GatewayError):
            await proxy(recorded(url, concurrency=1, deadline_seconds=0.1))
