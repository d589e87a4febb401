"""What came of a delivered request: one more record under the same id, once the answer is whole or broken off."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from audit.event import Event, EventKind
from audit.spool import Spool
from gateway.http.body import Followed
from gateway.problems import problem_of
from gateway.record import is_weighty
from gateway.stages import Listener, Outbound, Recorded

_FAILED_FROM = 400
_GONE = Outbound(status=0)


async def outcome(
    recorded: Recorded, delivery: Awaitable[Outbound], spool: Spool, clock: Callable[[], datetime]
) -> Outbound:
    """Await the delivery and record the outcome of what `is_weighty`: when it is whole, when its stream ends, or when
    the client goes away before there is an answer, for the upstream may have acted all the same.
    """
    if not is_weighty(recorded.matched) or recorded.inbound.listener is Listener.GATE:
        return await delivery  # what comes of a forward-auth answer only the data plane sees

    async def tell(answer: Outbound, reason: str, sent_bytes: int, *, synced: bool = False) -> None:
        event = _event(recorded, answer, clock(), reason=reason, sent_bytes=sent_bytes)
        await spool.append(event, synced=synced, reserved=True)

    try:
        answer = await delivery
    except asyncio.CancelledError:
        await tell(_GONE, "client-gone", 0)
        raise
    except BaseException as failure:
        if recorded.notes:  # it failed after it had written; what it wrote is recorded all the same
            await tell(Outbound(status=problem_of(failure).status), "unfinished", 0, synced=True)
        raise
    if isinstance(answer.body, bytes):
        await tell(answer, "", len(answer.body), synced=True)
        return answer

    async def over(sent_bytes: int, whole: bool) -> None:
        await tell(answer, "" if whole else "broken-off", sent_bytes)

    return replace(answer, body=Followed(answer.body, over))


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
        detail={**recorded.notes, "bytes": sent_bytes},
    )
