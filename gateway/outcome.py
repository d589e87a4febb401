"""What came of a delivered request: one more record under the same id, once the answer is whole."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime

from audit.event import Event, EventKind
from audit.spool import Spool
from gateway.record import is_weighty
from gateway.stages import Outbound, Recorded

_FAILED_FROM = 400


async def outcome(recorded: Recorded, answer: Outbound, spool: Spool, clock: Callable[[], datetime]) -> Outbound:
    """Record the outcome of what `is_weighty`: now when the answer is whole, else when its stream ends."""
    if not is_weighty(recorded.matched):
        return answer
    if isinstance(answer.body, bytes):
        await spool.append(_event(recorded, answer, clock(), {"bytes": len(answer.body)}), synced=True, reserved=True)
        return answer
    return replace(answer, body=_counted(recorded, answer, answer.body, spool, clock))


async def _counted(
    recorded: Recorded, answer: Outbound, body: AsyncIterator[bytes], spool: Spool, clock: Callable[[], datetime]
) -> AsyncIterator[bytes]:
    sent, whole = 0, 0
    try:
        async for chunk in body:
            sent += len(chunk)
            yield chunk
        whole = 1
    finally:
        event = _event(recorded, answer, clock(), {"bytes": sent, "whole": whole})
        await spool.append(event, synced=False, reserved=True)


def _event(recorded: Recorded, answer: Outbound, at: datetime, extra: dict[str, str | int]) -> Event:
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
        result="failed" if answer.status >= _FAILED_FROM else "ok",
        status=answer.status,
        reason="",
        rule="",
        detail={**answer.detail, **extra},
    )
