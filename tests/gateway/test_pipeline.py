"""`handle`, whole: what no request gets past, and what is recorded of each."""

import asyncio
import json
from pathlib import Path

import pytest

from audit.event import EventKind
from audit.segment import Segment
from authz.policy import PolicySet
from gateway.pipeline import handle
from tests.gateway.door import ASKED, DESK, HOST, LI, GatewayDoor, header, open_door
from tests.gateway.upstreams import OK, saying


async def test_a_permitted_read_reaches_the_upstream_and_is_recorded_before(door: GatewayDoor) -> None:
    answer = await door.ask("/low/1", cookie=door.sign_in())
    assert (answer.status, answer.body, len(door.heard)) == (200, b"ok", 1)
    assert [(one.kind, one.subject, one.object, one.result) for one in door.records()] == [
        ("decision", LI, "/permits/low/1", "permit")
    ]


@pytest.mark.parametrize("host", [HOST, DESK, ASKED])
async def test_the_empty_policy_denies_everything(door: GatewayDoor, host: str) -> None:
    door.adopt(policies=PolicySet.build([], []))
    cookie = door.sign_in(assurance=5, host=host)
    for target in ("/", "/public/a", "/low/1", "/secret/1", "/notes/1", "/.citygate/logout"):
        assert (await door.ask(target, host=host, cookie=cookie)).status in (403, 404)
    assert not door.heard


@pytest.mark.parametrize(
    ("target", "host", "status", "reason"),
    [
        ("/nowhere", HOST, 404, "route-unknown"),
        ("/", "unknown.localhost", 404, "route-unknown"),
        ("/a/../b", HOST, 400, "target-refused"),
        ("/low/1", HOST, 401, "no-rule"),
    ],
)
async def test_a_refusal_at_any_stage_is_recorded_under_the_id_its_answer_tells(
    door: GatewayDoor, target: str, host: str, status: int, reason: str
) -> None:
    answer = await door.ask(target, host=host)
    record = door.records()[-1]
    assert (answer.status, record.status, record.reason, record.kind) == (status, status, reason, EventKind.REFUSAL)
    assert json.loads(answer.body)["instance"] == header(answer, b"x-request-id") == record.id  # type: ignore[arg-type]


async def test_a_page_tells_the_same_id(door: GatewayDoor) -> None:
    answer = await door.ask("/low/1", cookie=door.sign_in("user:wang"), page=True)
    assert (answer.status, header(answer, b"content-type")) == (403, "text/html; charset=utf-8")
    assert door.records()[-1].id.encode() in answer.body  # type: ignore[operator]


@pytest.mark.parametrize("page", [True, False])
async def test_a_bug_is_500_recorded_and_told_without_details(door: GatewayDoor, page: bool) -> None:
    answer = await door.ask("/broken", host=DESK, cookie=door.sign_in(host=DESK), page=page)
    assert (answer.status, door.records()[-1].reason) == (500, "internal")
    assert b"canary-in" not in answer.body  # type: ignore[operator]
    assert b"ZeroDivision" not in answer.body  # type: ignore[operator]


async def test_without_a_spool_nothing_is_delivered_to_anybody(door: GatewayDoor) -> None:
    cookie, desk = door.sign_in(), door.sign_in(host=DESK)
    door.gate.spool.close()
    for answer in (
        await door.ask("/public/a"),
        await door.ask("/low/1", cookie=cookie),
        await door.ask("/low/1", cookie=cookie, method="POST", body=b"x"),
        await door.ask("/notes/1", host=DESK, cookie=desk),
        await door.ask("/nowhere"),
    ):
        assert (answer.status, header(answer, b"retry-after")) == (503, "1")
    assert not door.heard


async def test_a_flood_of_nobody_leaves_room_for_a_revocation(tmp_path: Path) -> None:
    async with open_door(tmp_path, limit_bytes=30_000) as door:
        key = door.key()
        while (await door.ask("/public/a")).status == 200:
            pass
        assert (await door.ask("/.well-known/citygate/jwks.json")).status == 503
        assert (await door.ask("/notes/1", (b"authorization", key), host=DESK)).status == 503
        assert (await door.ask("/.citygate/logout", (b"authorization", key), method="POST")).status == 303


async def test_the_synced_record_stands_in_the_file_before_the_upstream_sees_the_request(door: GatewayDoor) -> None:
    seen = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.extend(door.records())
        writer.write(OK)

    door.talk = talk
    assert (await door.ask("/secret/1", cookie=door.sign_in(assurance=3))).status == 200
    decision, outcome = door.records()
    assert seen == [decision]
    assert (decision.kind, decision.label, outcome.kind, outcome.result) == ("decision", 3, "outcome", "ok")
    assert decision.id == outcome.id


@pytest.mark.parametrize(("target", "method"), [("/secret/1", "GET"), ("/low/1", "POST")])
async def test_the_fsync_has_returned_before_the_upstream_sees_the_request(
    door: GatewayDoor, monkeypatch: pytest.MonkeyPatch, target: str, method: str
) -> None:
    order = []
    sync = Segment.sync

    def watched(self: Segment) -> None:
        sync(self)
        order.append("synced")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        order.append("seen")
        writer.write(OK)

    await asyncio.sleep(0.1)  # what opened the spool is synced by now
    monkeypatch.setattr(Segment, "sync", watched)
    door.talk = talk
    await door.ask(target, method=method, cookie=door.sign_in(assurance=3))
    assert order[:2] == ["synced", "seen"]


async def test_a_client_that_leaves_before_the_answer_leaves_an_outcome(door: GatewayDoor) -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read(-1)

    door.talk = silent
    cookie = door.sign_in()
    task = asyncio.create_task(handle(door.raw("/low/1", method="POST", cookie=cookie, body=b"x"), door.gate))
    await asyncio.wait_for(asked.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    decision, outcome = door.records()
    assert (outcome.id, outcome.result, outcome.reason) == (decision.id, "failed", "client-gone")


async def test_no_delivery_runs_sql_in_the_event_loop(door: GatewayDoor) -> None:
    """The door's engine fails every statement of the loop's thread; a way on, a park and a resume write to it."""
    low = door.sign_in()
    assert (await door.ask("/low/1", cookie=low)).status == 200
    assert (await door.ask("/low/1", (b"authorization", door.key()))).status == 200
    assert (await door.ask("/secret/1", cookie=low, method="POST", body=b"x", page=True)).status == 401
    assert (await door.ask("/notes/1", host=DESK, cookie=door.sign_in(host=DESK))).status == 200
    asked = door.sign_in(host=ASKED)
    question = door.question("/low/1", (b"cookie", f"__Host-citygate={asked}".encode()))
    assert (await door.forward_auth().answer(question)).status == 204
    assert not [one for one in door.records() if one.status == 500]


async def test_head_is_decided_and_delivered_as_get(door: GatewayDoor) -> None:
    door.talk = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", door.heard)
    answer = await door.ask("/low/1", method="HEAD", cookie=door.sign_in())
    assert (answer.status, door.records()[0].action, door.heard[0][:5]) == (200, "read", b"HEAD ")


@pytest.mark.parametrize(("method", "allow"), [("OPTIONS", "GET, POST"), ("DELETE", "GET, POST")])
async def test_a_method_the_route_does_not_name_is_405_with_allow(door: GatewayDoor, method: str, allow: str) -> None:
    answer = await door.ask("/low/1", method=method, cookie=door.sign_in())
    assert (answer.status, header(answer, b"allow")) == (405, allow)


async def test_an_unknown_method_is_405(door: GatewayDoor) -> None:
    assert (await door.ask("/low/1", method="BREW")).status == 405
