"""Streams end with the session they were opened under; what somebody was shown stays out of caches."""

import asyncio
import contextlib

import pytest

from audit.event import EventKind
from authz.label import Label
from gateway.deliver import kept_private
from gateway.pipeline import handle
from gateway.stages import Outbound
from tests.gateway.door import Door, header

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD + b"data: 1\n\n")
    await reader.read(-1)


async def _reading(door: Door, cookie: str, got: asyncio.Event) -> bytes:
    answer = await handle(door.raw("/secret/1", cookie=cookie), door.gate)
    read = b""
    try:
        async for chunk in answer.body:  # type: ignore[union-attr]
            read += chunk
            got.set()
    finally:
        await answer.body.aclose()  # type: ignore[union-attr]
    return read


async def test_a_stream_ends_when_its_subjects_roles_change(door: Door) -> None:
    door.talk = _endless
    cookie, got = door.sign_in(assurance=3), asyncio.Event()
    task = asyncio.create_task(_reading(door, cookie, got))
    await got.wait()
    subject = door.records(EventKind.DECISION)[-1].subject
    door.streams.end_soon([], ["user:somebody-else"])
    await asyncio.sleep(0.05)
    assert not task.done()
    door.streams.end_soon([], [subject])
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_stream_of_a_revoked_session_is_broken_off_and_others_go_on(door: Door) -> None:
    door.talk = _endless
    mine, other = door.sign_in(assurance=3), door.sign_in(assurance=3, sid="sid-2")
    got = [asyncio.Event(), asyncio.Event()]
    tasks = [asyncio.create_task(_reading(door, cookie, one)) for cookie, one in zip((mine, other), got, strict=True)]
    for one in got:
        await one.wait()
    assert door.streams.end([door.session_of(mine)]) == 1
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
    assert not tasks[1].done()
    assert [(one.reason, one.detail["bytes"]) for one in door.records(EventKind.OUTCOME)] == [("broken-off", 9)]
    tasks[1].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await tasks[1]


async def test_a_session_that_ends_while_the_upstream_is_awaited_gets_no_stream(door: Door) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await go.wait()
        writer.write(HEAD + b"data: 1\n\n")
        await reader.read(-1)

    door.talk = late
    cookie, got = door.sign_in(assurance=3), asyncio.Event()
    task = asyncio.create_task(_reading(door, cookie, got))
    await asked.wait()
    door.streams.end([door.session_of(cookie)])
    go.set()
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not got.is_set()


async def test_a_session_that_ended_just_before_its_snapshot_was_adopted_gets_no_stream(door: Door) -> None:
    door.talk = _endless
    cookie = door.sign_in(assurance=3)
    door.streams.end([door.session_of(cookie)])
    with pytest.raises(asyncio.CancelledError):
        await _reading(door, cookie, asyncio.Event())


async def test_what_ended_is_no_longer_held(door: Door) -> None:
    cookie = door.sign_in()
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    assert door.streams.end([door.session_of(cookie)]) == 0


SHARED = (b"cache-control", b"public, max-age=3600")


@pytest.mark.parametrize(
    ("label", "said", "told"),
    [
        (Label.L3, [SHARED], [b"no-store"]),
        (Label.L3, [SHARED, (b"cache-control", b"immutable")], [b"no-store"]),
        (Label.L3, [], [b"no-store"]),
        (Label.L2, [SHARED], [SHARED[1]]),
        (Label.L2, [], [b"no-store"]),
        (Label.L1, [SHARED], [SHARED[1]]),
        (Label.L1, [], []),
    ],
)
def test_caches_keep_only_what_the_label_allows(
    label: Label, said: list[tuple[bytes, bytes]], told: list[bytes]
) -> None:
    answer = kept_private(Outbound(status=200, headers=tuple(said), body=b""), label)
    assert [value for name, value in answer.headers if name == b"cache-control"] == told


async def test_what_an_upstream_says_of_caches_is_overruled_from_label_3_on(door: Door) -> None:
    async def cacheable(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=3600\r\nContent-Length: 0\r\n\r\n")

    door.talk = cacheable
    cookie = door.sign_in(assurance=3)
    assert header(await door.ask("/secret/1", cookie=cookie), b"cache-control") == "no-store"
    assert header(await door.ask("/low/1", cookie=cookie), b"cache-control") == "public, max-age=3600"
