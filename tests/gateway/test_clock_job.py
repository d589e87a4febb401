"""What is due is asked for at the door, by the clock's own key."""

import asyncio

import pytest

from gateway import clock_job
from gateway.clock_job import tick
from gateway.stages import Outbound, Raw


async def test_what_is_due_is_a_request_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_job, "_FIRST_SECONDS", 0.0)
    asked: list[Raw] = []
    done = asyncio.Event()

    async def handle(raw: Raw) -> Outbound:
        asked.append(raw)
        return Outbound(status=503)  # what fails is said and tried again in a minute, not the end of the job

    async def own() -> None:
        done.set()

    task = asyncio.create_task(tick(handle, host="console.localhost:8080", key="cg_x", own=own))
    await done.wait()
    task.cancel()
    await asyncio.wait({task})
    assert (asked[0].method, asked[0].target) == (b"POST", b"/api/v1/jobs/sweep")
    assert (b"authorization", b"Bearer cg_x") in asked[0].headers
    assert [chunk async for chunk in asked[0].body()] == []
