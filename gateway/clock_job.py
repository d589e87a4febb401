"""The clock-job: whatever is due is asked for at the door, by an identity of its own (law 2)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from audit.errors import AuditUnavailable
from gateway.stages import Outbound, Raw

PERIOD_SECONDS = 60.0
_FIRST_SECONDS = 2.0  # by then the lease is there
_DUE = (b"/api/v1/jobs/sweep",)
_log = logging.getLogger(__name__)


async def tick(
    handle: Callable[[Raw], Awaitable[Outbound]], *, host: str, key: str, own: Callable[[], Awaitable[None]]
) -> None:
    """Once a minute, until cancelled; `key` is the machine's access key, `host` the console's.

    `own` is the door's own minute: what it must write down without being asked.
    """
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        for target in _DUE:
            answer = await handle(_request(target, host.encode(), key.encode()))
            if answer.status >= 400:
                _log.error("%s: %s", target.decode(), answer.status)
        try:
            await own()
        except AuditUnavailable:
            _log.exception("counted refusals")
        await asyncio.sleep(PERIOD_SECONDS)


def _request(target: bytes, host: bytes, key: bytes) -> Raw:
    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    headers = ((b"host", host), (b"authorization", b"Bearer " + key), (b"content-length", b"0"))
    return Raw(method=b"POST", target=target, headers=headers, peer="127.0.0.1", body=nothing)
