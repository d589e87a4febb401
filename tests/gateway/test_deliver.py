"""Streams end with the session they were opened under, and once they would not be permitted any more; caches stay empty."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Self

import pytest

from audit.event import EventKind
from authz.facts import Facts, SystemFact
from authz.label import Label
from authz.policy import PolicySet
from gateway.deliver import kept_private
from gateway.pipeline import handle
from gateway.routes import RouteTable
from gateway.stages import Outbound
from idp.session_rows import ABSOLUTE
from tests.gateway.behind_the_door import CITY, LI
from tests.gateway.door import GatewayDoor, header, whole

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD + b"data: 1\n\n")
    await reader.read(-1)


class Reader:
    """Somebody who reads a stream; it begins when the block does."""

    def __init__(self, door: GatewayDoor, target: str = "/secret/1", *, cookie: str = "") -> None:
        self.door, self.asked, self.got = door, door.raw(target, cookie=cookie), asyncio.Event()

    async def __aenter__(self) -> Self:
        self.door.talk = _endless
        self.task = asyncio.create_task(self._read())
        await asyncio.wait_for(self.got.wait(), 30)
        assert not self.task.done()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=30)

    async def _read(self) -> None:
        answer = await handle(self.asked, self.door.gate)
        try:
            async for _ in answer.body:  # type: ignore[union-attr]
                self.got.set()
        finally:
            self.got.set()
            await answer.body.aclose()  # type: ignore[union-attr]

    async def ends(self, seconds: float = 2.0) -> bool:
        """Whether it is broken off within so many seconds."""
        await asyncio.wait({self.task}, timeout=seconds)
        return self.task.cancelled()


@pytest.fixture
async def kept(door: GatewayDoor) -> AsyncIterator[GatewayDoor]:
    """With whoever decides anew at work."""
    task = asyncio.create_task(door.streams.keep(door.gate.decider, lambda: door.now))
    yield door
    assert not task.done()
    task.cancel()


async def test_a_stream_ends_when_its_subjects_roles_change(door: GatewayDoor) -> None:
    async with Reader(door, cookie=door.sign_in(assurance=3)) as reader:
        subject = door.records(EventKind.DECISION)[-1].subject
        door.streams.end_soon(["user:somebody-else"], 2)
        assert not await reader.ends(0.05)
        door.streams.end_soon([subject], 2)
        assert await reader.ends()


async def test_a_stream_of_a_revoked_session_is_broken_off_and_others_go_on(door: GatewayDoor) -> None:
    mine, other = door.sign_in(assurance=3), door.sign_in(assurance=3, sid="sid-2")
    async with Reader(door, cookie=mine) as ends, Reader(door, cookie=other) as goes_on:
        assert door.streams.end([door.session_of(mine)], 2) == 1
        assert await ends.ends()
        assert not await goes_on.ends(0.1)
        assert [(one.reason, one.detail["bytes"]) for one in door.records(EventKind.OUTCOME)] == [("broken-off", 9)]


def graded(door: GatewayDoor, label: Label) -> PolicySet:
    facts = Facts(systems={"permits": SystemFact(department=CITY, label=label)})
    return replace(door.gate.decider.snapshot.policies, facts=facts)


async def test_a_stream_ends_when_its_system_is_graded_above_who_reads_it_and_others_go_on(kept: GatewayDoor) -> None:
    routes = [replace(one, registered=one.path == "/low/**") for one in kept.gate.routes.routes]
    kept.gate = replace(kept.gate, routes=RouteTable(routes))
    kept.adopt(policies=graded(kept, Label.L2))
    cookie = kept.sign_in(assurance=3)
    async with Reader(kept, "/low/1", cookie=cookie) as ends, Reader(kept, "/public/1") as goes_on:
        kept.adopt(policies=graded(kept, Label.L3))
        assert not await ends.ends(1.5)  # she may read what is of label 3
        kept.adopt(policies=graded(kept, Label.L4))
        assert await ends.ends()
        assert not await goes_on.ends(0.1)


async def test_a_stream_ends_when_the_rule_is_withdrawn_that_permitted_it_also_to_nobody(kept: GatewayDoor) -> None:
    async with Reader(kept, cookie=kept.sign_in(assurance=3)) as mine, Reader(kept, "/public/1") as nobodys:
        kept.adopt(policies=PolicySet.build([], []))
        assert await mine.ends()
        assert await nobodys.ends(0.5)


async def test_a_stream_ends_with_the_assignment_that_runs_out_by_itself(kept: GatewayDoor) -> None:
    held = kept.gate.decider.snapshot.policies
    (one,) = held.assignments_of(LI)
    until = replace(one, expires_at=kept.now + timedelta(hours=1))
    kept.adopt(policies=held.with_subject(LI, [until], version=2))
    async with Reader(kept, cookie=kept.sign_in(assurance=3)) as reader:
        assert not await reader.ends(1.2)
        kept.now += timedelta(hours=1)
        assert await reader.ends()


async def test_a_stream_ends_with_the_longest_life_of_the_session_that_reads_it(kept: GatewayDoor) -> None:
    async with Reader(kept, cookie=kept.sign_in(assurance=3)) as reader:
        kept.now += ABSOLUTE - timedelta(seconds=1)
        kept.fresh()
        assert not await reader.ends(0.7)
        kept.now += timedelta(seconds=1)
        assert await reader.ends(0.9)


async def test_a_body_under_way_reaches_the_upstream_no_longer_once_who_sends_it_was_revoked(kept: GatewayDoor) -> None:
    came, go, got = asyncio.Event(), asyncio.Event(), bytearray()

    async def takes(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while piece := await reader.read(100):
            got.extend(piece)
            came.set()

    async def body() -> AsyncIterator[bytes]:
        yield b"before"
        await asyncio.wait_for(go.wait(), 30)
        yield b"after"

    kept.talk = takes
    headers = (b"authorization", kept.key()), (b"transfer-encoding", b"chunked")
    sending = asyncio.create_task(handle(kept.raw("/secret/1", *headers, method="POST", body=body), kept.gate))
    await asyncio.wait_for(came.wait(), 30)
    kept.streams.end([LI], 99)
    await asyncio.wait({sending}, timeout=2)
    go.set()
    assert sending.cancelled()
    assert b"after" not in got


async def test_a_stream_ends_with_the_lease_where_nothing_is_read_without_one(kept: GatewayDoor) -> None:
    """A gateway that is cut off hears of no revocation; its receipt says that it decides nothing any more."""
    cookie = kept.sign_in(assurance=3)
    async with Reader(kept, cookie=cookie) as ends, Reader(kept, "/low/1", cookie=cookie) as goes_on:
        kept.seconds += 2
        assert await ends.ends()
        assert not await goes_on.ends(0.6)  # its route has a grace


async def test_a_revoked_session_reads_on_not_even_what_is_everybodys(kept: GatewayDoor) -> None:
    cookie = kept.sign_in()
    async with Reader(kept, "/public/1", cookie=cookie) as reader:
        kept.adopt(revoked=[kept.session_of(cookie)])
        assert await reader.ends()


@pytest.mark.parametrize("of", ["session", "subject"])
async def test_what_ends_while_the_upstream_is_awaited_gets_no_stream(door: GatewayDoor, of: str) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.wait_for(go.wait(), 30)
        await _endless(reader, writer)

    cookie = door.sign_in(assurance=3)
    door.talk = late
    task = asyncio.create_task(whole_of(door, cookie))
    await asyncio.wait_for(asked.wait(), 30)
    door.streams.end([door.session_of(cookie) if of == "session" else LI], 2)
    go.set()
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("of", ["session", "subject"])
async def test_what_ended_between_the_decision_and_its_delivery_gets_no_stream(door: GatewayDoor, of: str) -> None:
    """Decided by the snapshot before, opened after the others were broken off."""
    door.talk = _endless
    cookie = door.sign_in(assurance=3)
    door.streams.end([door.session_of(cookie) if of == "session" else LI], 2)
    with pytest.raises(asyncio.CancelledError):
        await whole_of(door, cookie)
    held = door.gate.decider.snapshot.policies
    door.adopt(policies=replace(held, version=2))
    async with Reader(door, cookie=cookie) as reader:  # what is decided afterwards is another matter
        assert not await reader.ends(0.1)


async def whole_of(door: GatewayDoor, cookie: str) -> None:
    await whole(await handle(door.raw("/secret/1", cookie=cookie), door.gate))


async def test_what_ended_is_no_longer_held(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    assert door.streams.end([door.session_of(cookie)], 2) == 0


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


async def test_what_an_upstream_says_of_caches_is_overruled_from_label_3_on(door: GatewayDoor) -> None:
    async def cacheable(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=3600\r\nContent-Length: 0\r\n\r\n")

    door.talk = cacheable
    cookie = door.sign_in(assurance=3)
    assert header(await door.ask("/secret/1", cookie=cookie), b"cache-control") == "no-store"
    assert header(await door.ask("/low/1", cookie=cookie), b"cache-control") == "public, max-age=3600"
