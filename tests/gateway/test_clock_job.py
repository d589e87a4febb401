"""What is due is asked for at the door, by the clock's own key; what each process owes itself is not asked for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from audit.errors import AuditUnavailable
from gateway import clock_job
from gateway.clock_job import in_process, over_http, own_minute, tick
from gateway.http.server import asgi
from gateway.stages import Outbound, Raw
from storage.errors import StorageUnavailable
from tests.gateway.raw_socket import SECONDS, serving
from tests.gateway.upstreams import saying, upstream

HOST, KEY = "console.localhost:8080", "cg_x"


class RecordingDoor:
    """Answers 503 to everything and remembers it."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[Raw] = asyncio.Queue()

    async def handle(self, raw: Raw) -> Outbound:
        self.asked.put_nowait(raw)
        return Outbound(status=503)


@contextlib.asynccontextmanager
async def running(work) -> AsyncIterator[None]:  # type: ignore[no-untyped-def]
    task = asyncio.create_task(work)
    try:
        async with asyncio.timeout(SECONDS):
            yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=30)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_job, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(clock_job, "OWN_SECONDS", 0.01)


async def test_what_is_due_is_a_request_like_any_other_and_what_fails_is_tried_again() -> None:
    door = RecordingDoor()
    ask = in_process(door.handle, host=HOST, key=KEY)
    async with running(tick(ask, periods={"sweep": 0.01}, failures=clock_job.Failures())):
        for _ in range(3):
            raw = await door.asked.get()
            assert (raw.method, raw.target) == (b"POST", b"/api/v1/jobs/sweep")
            assert {(b"authorization", b"Bearer cg_x"), (b"host", HOST.encode())} <= set(raw.headers)
            assert [chunk async for chunk in raw.body()] == []


async def test_over_http_it_is_the_same_request() -> None:
    door = RecordingDoor()
    async with serving(asgi(door.handle)) as port, over_http(f"http://console.localhost:{port}", key=KEY) as ask:
        assert await ask("/api/v1/jobs/sweep") == 503
        raw = door.asked.get_nowait()
        headers = dict(raw.headers)
        assert (raw.method, raw.target) == (b"POST", b"/api/v1/jobs/sweep")
        assert (headers[b"authorization"], headers[b"host"]) == (b"Bearer cg_x", f"console.localhost:{port}".encode())


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 204", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]
)
async def test_an_answer_that_is_none_is_a_failure(answer: bytes) -> None:
    async with upstream(saying(answer)) as url, over_http(url, key=KEY) as ask, asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionError, match=r"not an answer|closed before its end"):
            await ask("/api/v1/jobs/sweep")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"])
async def test_a_door_that_takes_its_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        while not (writer.is_closing() or reader.at_eof()):
            writer.write(said and b"x")  # a drop now and then is no answer either
            await asyncio.sleep(0.01)
        ended.set()

    monkeypatch.setattr(clock_job, "ASK_SECONDS", 0.1)
    async with upstream(talk) as url, over_http(url, key=KEY) as ask, asyncio.timeout(SECONDS):
        with pytest.raises(OSError):
            await ask("/api/v1/jobs/sweep")
        await ended.wait()


async def test_a_door_that_is_down_is_asked_again_and_slow_jobs_hold_up_no_other() -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()
    async with over_http("http://console.localhost:9", key=KEY) as down:

        async def ask(path: str) -> int:
            asked.put_nowait(path)
            if "sweep" in path:
                await asyncio.sleep(SECONDS)
            return await down(path)

        async with running(tick(ask, periods={"sweep": 60.0, "issuer-changes": 0.01}, failures=clock_job.Failures())):
            told = [await asked.get() for _ in range(4)]
    assert sorted(told) == ["/api/v1/jobs/issuer-changes"] * 3 + ["/api/v1/jobs/sweep"]


async def test_a_job_that_fails_time_after_time_is_told_until_it_does_not() -> None:
    asked, failures = asyncio.Queue[str](), clock_job.Failures()
    statuses = {"sweep": iter((503, 503, 503, 503, 204, 503)), "keys": iter((503, 503, 200, 503, 200, 503))}

    async def ask(path: str) -> int:
        job = path.rpartition("/")[2]
        asked.put_nowait(f"{job} {failures.trouble()}")
        return next(statuses[job])

    async with running(tick(ask, periods={"sweep": 0.02}, failures=failures)):
        told = [await asked.get() for _ in range(6)]
    assert told == ["sweep ", "sweep ", "sweep ", "sweep sweep", "sweep sweep", "sweep "]
    async with running(tick(ask, periods={"keys": 0.02}, failures=failures)):
        assert {await asked.get() for _ in range(6)} == {"keys "}


async def test_a_processs_own_minute_goes_on_after_failures() -> None:
    done: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def write_counted() -> None:
        done.put_nowait("counted")
        raise AuditUnavailable("full")

    def flush() -> None:
        loop.call_soon_threadsafe(done.put_nowait, "flushed")
        raise StorageUnavailable("away")

    async with running(own_minute(write_counted, flush)):
        assert [await done.get() for _ in range(4)] == ["counted", "flushed"] * 2
