"""The Flask application answers what stands recorded, within the route's bounds, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.errors import BodyTooLarge, NotThroughTheDoor, RequestTimeout
from gateway.http.body import read_body
from tests.gateway.canonical_request import read_request
from tests.gateway.door import DESK, LI, GatewayDoor


@pytest.mark.parametrize("path", ["/notes/1", "/unrouted", "/.citygate/login", "/nowhere"])
def test_a_view_that_is_called_past_the_door_is_refused(door: GatewayDoor, path: str) -> None:
    for environ in ({}, {"citygate.exchange": "forged"}, {"asgi.scope": {"citygate.exchange": "forged"}}):
        with pytest.raises(NotThroughTheDoor):
            door.flask.test_client().get(path, environ_base=environ)


async def test_a_view_without_a_route_cannot_be_reached(door: GatewayDoor) -> None:
    assert (await door.ask("/unrouted", host=DESK, cookie=door.sign_in(host=DESK, assurance=3))).status == 404


async def test_a_view_knows_who_asks_and_what_was_sent(door: GatewayDoor) -> None:
    answer = await door.ask("/notes/1", host=DESK, method="POST", cookie=door.sign_in(host=DESK), body=b"text")
    assert answer.body == b'{"body":"text","note":"1","subject":"%s"}\n' % LI.encode()


async def test_a_chunked_body_reaches_the_view_whole(door: GatewayDoor) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"te"
        yield b"xt"

    answer = await door.ask(
        "/notes/1",
        (b"transfer-encoding", b"chunked"),
        host=DESK,
        method="POST",
        cookie=door.sign_in(host=DESK),
        body=chunks,
    )
    assert b'"body":"text"' in answer.body  # type: ignore[operator]


@pytest.mark.parametrize("announced", [True, False])
async def test_more_than_the_route_takes_is_413_and_no_view_is_called(door: GatewayDoor, announced: bool) -> None:
    read_bytes = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read_bytes
        while True:
            read_bytes += 100
            yield b"x" * 100

    framing = (b"content-length", b"1001") if announced else (b"transfer-encoding", b"chunked")
    answer = await door.ask("/notes/1", framing, host=DESK, method="POST", cookie=door.sign_in(host=DESK), body=chunks)
    assert (answer.status, door.records()[-1].reason) == (413, "body-too-large")
    assert read_bytes == (0 if announced else 1100)


async def test_a_refusal_from_a_lower_room_has_the_tables_status_and_a_record(door: GatewayDoor) -> None:
    answer = await door.ask("/gone", host=DESK, method="POST", cookie=door.sign_in(host=DESK))
    decision, refusal = door.records()
    assert (answer.status, refusal.id, refusal.reason) == (404, decision.id, "assignment-unknown")


async def test_a_body_that_does_not_come_is_a_timeout() -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.sleep(10)
        yield b""

    inbound = replace(read_request(method=b"POST"), body=never)
    with pytest.raises(RequestTimeout):
        await read_body(inbound, limit_bytes=10, deadline_seconds=0.05)


async def test_the_limit_is_inclusive() -> None:
    async def ten() -> AsyncIterator[bytes]:
        yield b"x" * 10

    inbound = replace(read_request(method=b"POST"), body=ten)
    assert await read_body(inbound, limit_bytes=10, deadline_seconds=1) == b"x" * 10
    with pytest.raises(BodyTooLarge):
        await read_body(inbound, limit_bytes=9, deadline_seconds=1)
