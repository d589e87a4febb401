"""Recorded → Outbound: by the upstream, by this process, or by the data plane that asked."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace

from gateway.stages import Deliver, Listener, Outbound, Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """The three deliveries; only a Recorded can be delivered."""

    proxy: Deliver
    local: Deliver
    allow: Deliver
    streams: "Streams"


async def deliver(recorded: Recorded, deliveries: Deliveries) -> Outbound:
    """Hand the request over, and keep hold of an answer that streams."""
    if recorded.matched.route.delivery == "local":
        return await deliveries.local(recorded)
    if recorded.inbound.listener is Listener.GATE:
        return await deliveries.allow(recorded)
    return deliveries.streams.follow(await deliveries.proxy(recorded), recorded.identity.session)


class Streams:
    """Answers under way, by session: ended with the session they were opened under (law 4)."""

    def __init__(self) -> None:
        self._open: defaultdict[str, set[asyncio.Task[object]]] = defaultdict(set)

    def follow(self, answer: Outbound, session: str) -> Outbound:
        """The same answer, which `end` can break off."""
        if not session or isinstance(answer.body, bytes):
            return answer
        return replace(answer, body=self._followed(answer.body, session))

    def end(self, sessions: Iterable[str]) -> int:
        """Break off every stream of these sessions; return how many."""
        tasks = [task for session in sessions for task in self._open.get(session, ())]
        for task in tasks:
            task.cancel()
        return len(tasks)

    async def _followed(self, body: AsyncIterator[bytes], session: str) -> AsyncIterator[bytes]:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("outside a task")
        self._open[session].add(task)
        try:
            async for chunk in body:
                yield chunk
        finally:
            self._open[session].discard(task)
            if not self._open[session]:
                del self._open[session]
            if close := getattr(body, "aclose", None):
                await close()
