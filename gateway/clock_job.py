"""The clock-job: whatever is due is asked for at the door, by an identity of its own (law 2)."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from audit.errors import AuditUnavailable
from gateway.errors import UpstreamTimeout, UpstreamUnavailable
from gateway.http.upstream import Upload, Upstreams
from gateway.stages import Headers, Outbound, Raw
from storage.errors import StorageError

SWEEP, ISSUER_CHANGES, INFRA, KEYS, BACKUP = "sweep", "issuer-changes", "infra", "keys", "backup"
PERIODS_SECONDS = {SWEEP: 60.0, ISSUER_CHANGES: 5.0, INFRA: 10.0, KEYS: 60.0, BACKUP: 60.0}
LATER = frozenset({BACKUP})  # not at once: a city may be up for one command
OWN_SECONDS = 60.0
IN_A_ROW = 3  # failures after which a job is in trouble: one is a gateway that starts, or a lease just lost
ASK_SECONDS = 30.0  # deadline of one request over HTTP
_FIRST_SECONDS = 2.0  # by then the lease is there
_log = logging.getLogger(__name__)
Ask = Callable[[str], Awaitable[int]]
"""POST this path of the console's host as the clock and say which status came of it; raises OSError for none."""


class Failures:
    """How often each job has failed since it last did not."""

    def __init__(self) -> None:
        self._in_a_row: Counter[str] = Counter()

    def trouble(self) -> str:
        """Which jobs fail time after time, or ""."""
        return ", ".join(sorted(job for job, times in self._in_a_row.items() if times >= IN_A_ROW))

    def note(self, job: str, why: str) -> None:
        """A job failed, or did not: then `why` is ""."""
        if not why:
            del self._in_a_row[job]
            return
        self._in_a_row[job] += 1
        _log.error("%s: %s", job, why)


async def tick(ask: Ask, *, periods: Mapping[str, float], failures: Failures) -> None:
    """Ask for each job every so many seconds, until cancelled; what fails is said and tried again in its time."""
    await asyncio.sleep(_FIRST_SECONDS)
    async with asyncio.TaskGroup() as group:
        for job, seconds in periods.items():
            first = seconds if job in LATER else 0.0
            group.create_task(_every(seconds, ask, job, failures, first=first))


async def own_minute(write_counted: Callable[[], Awaitable[None]], flush: Callable[[], None]) -> None:
    """What each process writes down once a minute without being asked, until cancelled.

    `write_counted`: the refusals it summed; `flush`, called in a thread: which sessions were used.
    """
    while True:
        await asyncio.sleep(OWN_SECONDS)
        try:
            await write_counted()
        except AuditUnavailable:
            _log.exception("counted refusals")
        try:
            await asyncio.to_thread(flush)
        except StorageError:
            _log.exception("sessions in use")


def in_process(handle: Callable[[Raw], Awaitable[Outbound]], *, host: str, key: str) -> Ask:
    """Asks the door of this process; `host` is the console's authority, `key` the machine's access key."""

    async def ask(path: str) -> int:
        return (await handle(_request(path.encode(), host, key))).status

    return ask


@contextlib.asynccontextmanager
async def over_http(origin: str, *, key: str) -> AsyncIterator[Ask]:
    """Asks the data plane at the console's `origin`, like anybody else; by TLS it must show a certificate for it."""
    headers = (*_headers(urlsplit(origin).netloc, key), (b"connection", b"close"))
    upstreams = Upstreams(_address)

    async def ask(path: str) -> int:
        upload = Upload(_nothing(), framing=None, deadline_seconds=ASK_SECONDS)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                answer = await upstreams.ask(origin, "POST", path, headers, upload=upload, over=lambda: None)
                async with contextlib.aclosing(answer):
                    async for _ in answer:
                        pass
        except (UpstreamUnavailable, UpstreamTimeout) as failure:
            raise ConnectionError(str(failure)) from None
        return answer.status

    try:
        yield ask
    finally:
        upstreams.close()


def _address(host: str) -> str:
    """Names below `localhost` are this machine (RFC 6761 §6.3), which most resolvers do not know."""
    return "127.0.0.1" if host.endswith(".localhost") else host


async def _every(seconds: float, ask: Ask, job: str, failures: Failures, *, first: float) -> None:
    await asyncio.sleep(first)
    while True:
        try:
            status = await ask(f"/api/v1/jobs/{job}")
            failures.note(job, str(status) if status >= 400 else "")
        except OSError as failure:  # a TimeoutError is one too
            failures.note(job, str(failure) or "no answer in time")
        await asyncio.sleep(seconds)


def _request(target: bytes, host: str, key: str) -> Raw:
    return Raw(method=b"POST", target=target, headers=_headers(host, key), peer="127.0.0.1", body=_nothing)


def _headers(host: str, key: str) -> Headers:
    return ((b"host", host.encode()), (b"authorization", b"Bearer " + key.encode()), (b"content-length", b"0"))


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
