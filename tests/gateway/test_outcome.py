"""What came of a weighty request is recorded however its answer ends."""

import asyncio
import threading

import pytest

from gateway.errors import UpstreamUnavailable
from gateway.pipeline import handle
from tests.gateway.door import DESK, GatewayDoor
from tests.gateway.upstreams import OK, saying


async def test_the_outcome_of_a_whole_answer_counts_its_bytes(door: GatewayDoor) -> None:
    await door.ask("/secret/1", cookie=door.sign_in(assurance=3))
    outcome = door.records()[-1]
    assert (outcome.result, outcome.status, outcome.reason, outcome.detail) == ("ok", 200, "", {"bytes": 2})


async def test_an_answer_that_breaks_off_says_so(door: GatewayDoor) -> None:
    door.talk = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    with pytest.raises(UpstreamUnavailable):
        await door.ask("/secret/1", cookie=door.sign_in(assurance=3))
    outcome = door.records()[-1]
    assert (outcome.kind, outcome.reason, outcome.detail["bytes"]) == ("outcome", "broken-off", 4)


async def test_an_answer_that_nobody_began_to_read_has_an_outcome_and_gives_its_slot_back(door: GatewayDoor) -> None:
    cookie = door.sign_in(assurance=3)
    for _ in range(70):  # more than one subject's share of the route's concurrency
        answer = await handle(door.raw("/secret/1", cookie=cookie), door.gate)
        assert answer.status == 200
        await answer.body.aclose()  # type: ignore[union-attr]
        await answer.body.aclose()  # type: ignore[union-attr]
    outcomes = door.records()[1::2]
    assert {(one.kind, one.reason, one.detail["bytes"]) for one in outcomes} == {("outcome", "broken-off", 0)}
    assert len({one.id for one in outcomes}) == 70


async def test_what_the_upstream_refuses_is_a_failed_outcome(door: GatewayDoor) -> None:
    door.talk = saying(OK.replace(b"200 OK", b"409 Conflict"))
    await door.ask("/low/1", cookie=door.sign_in(), method="POST", body=b"x")
    assert [(one.kind, one.result, one.status) for one in door.records()[1:]] == [("outcome", "failed", 409)]


async def test_an_upstream_that_is_gone_leaves_a_refusal_under_the_decisions_id(door: GatewayDoor) -> None:
    door.talk = saying(b"")
    assert (await door.ask("/low/1", cookie=door.sign_in(), method="POST", body=b"x")).status == 502
    decision, refusal = door.records()
    assert (refusal.id, refusal.kind, refusal.status) == (decision.id, "refusal", 502)


async def test_a_view_whose_client_left_is_awaited_and_its_outcome_recorded(door: GatewayDoor) -> None:
    entered, go = threading.Event(), threading.Event()
    door.flask.config["HOLD"] = lambda: entered.set() or go.wait(10)
    raw = door.raw("/notes/7", method="POST", host=DESK, cookie=door.sign_in(host=DESK), body=b"x")
    task = asyncio.create_task(handle(raw, door.gate))
    assert await asyncio.to_thread(entered.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    await asyncio.wait({task}, timeout=30)
    assert [(one.kind, one.status) for one in door.records()] == [("decision", 0), ("outcome", 201)]


async def test_a_view_says_what_its_outcome_record_holds(door: GatewayDoor) -> None:
    await door.ask("/notes/7", method="POST", host=DESK, cookie=door.sign_in(host=DESK), body=b"x")
    assert (door.records()[-1].detail["note"], door.records()[-1].status) == ("7", 201)


async def test_what_a_view_had_written_is_recorded_although_it_failed_afterwards(door: GatewayDoor) -> None:
    door.flask.config["WRITTEN"] = {"machine 01M": "0" * 32}
    answer = await door.ask("/gone", host=DESK, method="POST", cookie=door.sign_in(host=DESK))
    decision, outcome, refusal = door.records()
    assert (outcome.kind, outcome.result, outcome.reason, outcome.status) == ("outcome", "failed", "unfinished", 404)
    assert outcome.detail["machine 01M"] == "0" * 32
    assert (answer.status, refusal.kind, {decision.id}) == (404, "refusal", {outcome.id, refusal.id})
