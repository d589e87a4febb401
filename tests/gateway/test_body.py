"""A body whose digest is told: passed on piece by piece, never whole if it is another."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BodyTooLarge, DigestWrong
from gateway.http.body import bounded_body, read_body
from gateway.proxy import KEPT_BODY_BYTES, Proxy
from gateway.stages import Inbound
from idp.app_key import content_digest
from tests.gateway.canonical_request import read_request
from tests.gateway.upstreams import recorded, upstream

PIECES = st.lists(st.binary(max_size=4), max_size=5)


def inbound(pieces: list[bytes], *, digest: bytes) -> Inbound:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return replace(read_request(b"/", (b"content-digest", digest), method=b"POST"), body=body)


async def passed_on(asked: Inbound, limit_bytes: int = 1000) -> tuple[bytes, bool]:
    """What came through, and whether it came to its end."""
    seen = b""
    try:
        async for piece in bounded_body(asked, limit_bytes=limit_bytes):
            seen += piece
    except DigestWrong:
        return seen, False
    return seen, True


@given(PIECES, PIECES)
def test_a_body_comes_whole_exactly_if_it_is_the_one_that_was_told(pieces: list[bytes], told: list[bytes]) -> None:
    digest = content_digest(hashlib.sha256(b"".join(told)).digest()).encode()
    sent, meant = b"".join(pieces), b"".join(told)
    seen, ended = asyncio.run(passed_on(inbound(pieces, digest=digest)))
    assert ended == (sent == meant)
    assert seen == sent if ended else sent.startswith(seen)
    assert ended or not sent or seen != sent


@pytest.mark.parametrize("told", [b"sha-512=:AAAA:", b"sha-256=:AAAA:", b"", b"sha-256=AAAA"])
async def test_what_is_no_digest_of_ours_is_told_to_nobody_and_holds_nothing(told: bytes) -> None:
    assert await passed_on(inbound([b"abc"], digest=told)) == (b"abc", True)


async def test_the_bound_counts_before_the_digest() -> None:
    digest = content_digest(hashlib.sha256(b"abcd").digest()).encode()
    with pytest.raises(BodyTooLarge):
        await read_body(inbound([b"ab", b"cd"], digest=digest), limit_bytes=3, deadline_seconds=1)


async def test_an_upstream_never_has_the_whole_of_another_body() -> None:
    """Streamed, with a length: the upstream is left waiting for the last piece, and the connection is dropped."""
    heard, over = bytearray(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while piece := await reader.read(65_536):
            heard.extend(piece)
        over.set()

    pieces = (b"a" * 50_000, b"b" * 50_000)
    digest = content_digest(hashlib.sha256(b"".join(pieces)[:-1] + b"c").digest()).encode()
    length = (b"content-length", b"100000")
    async with upstream(talk) as url, Proxy() as proxy:
        asked = recorded(
            url, (b"content-digest", digest), length, method=b"POST", body=pieces, body_bytes=2 * KEPT_BODY_BYTES
        )
        with pytest.raises(DigestWrong):
            await proxy(asked)
        async with asyncio.timeout(10):
            await over.wait()
    assert len(heard) < 100_000
