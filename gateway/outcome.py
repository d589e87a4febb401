"""What came of a delivered request: one more record under the same id, once the answer is whole or broken off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Self

from audit.event import Event, EventKind
from audit.spool import Spool
from gateway.record import is_weighty
from gateway.stages import Outbound, Recorded

_FAILED_FROM = 400
_GONE = Outbound(status=0)


async def outcome(
    recorded: Recorded, delivery: Awaitable[Outbound], spool: Spool, clock: Callable[[], datetime]
) -> Outbound:
    """Await the delivery and record the outcome of what `is_weighty`: when it is whole, when its stream ends, or when
    the client goes away before there is an answer, for the upstream may have acted all the same.
    """
    if not is_weighty(recorded.matched):
        return await delivery

    async def tell(answer: Outbound, reason: str, sent_bytes: int, *, synced: bool = False) -> None:
        event = _event(recorded, answer, clock(), reason=reason, sent_bytes=sent_bytes)
        await spool.append(event, synced=synced, reserved=True)

    try:
        answer = await delivery
    except asyncio.CancelledError:
        await tell(_GONE, "client-gone", 0)
        raise
    if isinstance(answer.body, bytes):
        await tell(answer, "", len(answer.body), synced=True)
        return answer

    async def ended(reason: str, sent_bytes: int) -> None:
        await tell(answer, reason, sent_bytes)

    return replace(answer, body=_Counted(answer.body, ended))


class _Counted:
    """The body of an answer; whoever stops reading it, at whatever point, leaves an outcome record."""

    def __init__(self, body: AsyncIterator[bytes], ended: Callable[[str, int], Awaitable[None]]) -> None:
        self._body, self._ended = body, ended
        self._sent_bytes, self._told = 0, False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._body)
        except StopAsyncIteration:
            await self._tell("")
            raise
        except BaseException:
            await self.aclose()
            raise
        self._sent_bytes += len(chunk)
        return chunk

    async def aclose(self) -> None:
        """Nobody reads on."""
        try:
            await self._tell("broken-off")
        finally:
            if close := getattr(self._body, "aclose", None):
                await close()

    async def _tell(self, reason: str) -> None:
        if not self._told:
            self._told = True
            await self._ended(reason, self._sent_bytes)


def _event(recorded: Recorded, answer: Outbound, at: datetime, *, reason: str, sent_bytes: int) -> Event:
    matched = recorded.matched
    return Event(
        id=recorded.inbound.id,
        kind=EventKind.OUTCOME,
        at=at,
        subject=recorded.identity.subject,
        department=matched.department,
        object=matched.object,
        action=matched.action,
        label=matched.label,
        result="ok" if 0 < answer.status < _FAILED_FROM else "failed",
        status=answer.status,
        reason=reason,
        rule="",
        detail={**answer.detail, "bytes": sent_bytes},
    )
