"""Streams end with the session they were opened under."""

import asyncio
import contextlib

import pytest

from audit.event import EventKind
from gateway.pipeline import handle
from tests.gateway.door import Door

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
