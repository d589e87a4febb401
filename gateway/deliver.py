"""Recorded → Outbound: by the upstream, by this process, or by the data plane that asked."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from cachebox import TTLCache

from authz.label import Label
from authz.lease import Decider
from gateway.authorize import is_still_permitted
from gateway.http.body import Followed, pieces
from gateway.stages import Deliver, Headers, Listener, Outbound, Recorded

_REMEMBERED_SECONDS = 60  # longer than a snapshot takes to be adopted after its ended sessions were told
_REMEMBERED_ENTRIES = 100_000
_AGAIN_SECONDS = 0.5
_DECIDED_AT_ONCE = 64  # then others have their turn


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
    stream = deliveries.streams.open(recorded)
    try:
        stream.follow()
        return stream.carry(kept_private(await deliveries.proxy(recorded), recorded.matched.label))
    except BaseException:
        await stream.aclose()
        raise


def kept_private(answer: Outbound, label: Label) -> Outbound:
    """What somebody may see because of who she is stays out of caches (ASVS 14.3.2).

    Always from label 3 on; below, where the upstream says nothing else. Label 1 is the upstream's to say.
    """
    return replace(answer, headers=private_headers(answer.headers, label))


def private_headers(headers: Headers, label: Label) -> Headers:
    """See `kept_private`."""
    said = {name for name, _ in headers}
    if label >= Label.L3 or (label > Label.L1 and b"cache-control" not in said):
        headers = (*[pair for pair in headers if pair[0] != b"cache-control"], (b"cache-control", b"no-store"))
    if b"x-content-type-options" not in said:
        headers = (*headers, (b"x-content-type-options", b"nosniff"))
    return headers


class Streams:
    """Answers under way: broken off with their session or app, and once what permitted them is gone (law 4)."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()
        self._ended: TTLCache[str, int] = TTLCache(_REMEMBERED_ENTRIES, _REMEMBERED_SECONDS)
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, recorded: Recorded) -> "Stream":
        """Follow one delivery, from before it begins: what it was permitted by may end while it is awaited."""
        stream = Stream(self, recorded)
        self._open.add(stream)
        self._loop = asyncio.get_running_loop()
        if any(recorded.admitted.decision.version < self._ended.get(key, 0) for key in stream.keys):
            stream.end()  # it ended after the decision and before this
        return stream

    def forget(self, stream: "Stream") -> None:
        """It is over, whether or not it was told before."""
        self._open.discard(stream)

    def end_soon(self, keys: Iterable[str], epoch: int) -> None:
        """From any thread: as of `epoch` these sessions are over, these subjects others. Who may still, asks again."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.end, list(keys), epoch)

    def end(self, keys: Iterable[str], epoch: int) -> int:
        """Break off every stream of these, also one that was decided before and opens just now; return how many."""
        ended = dict.fromkeys(keys, epoch)
        self._ended.update(ended)
        theirs = [stream for stream in self._open if not ended.keys().isdisjoint(stream.keys)]
        for stream in theirs:
            stream.end()
        return len(theirs)

    async def keep(self, decider: Decider, clock: Callable[[], datetime]) -> None:
        """Decide anew, all the time, about each that is longer than most; until cancelled."""
        known, self._loop = set[Stream](), asyncio.get_running_loop()
        while True:
            for number, stream in enumerate(known & self._open, 1):
                if stream in self._open and not is_still_permitted(stream.authenticated, decider, clock()):
                    stream.end()
                if number % _DECIDED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            known = set(self._open)
            await asyncio.sleep(_AGAIN_SECONDS)


class Stream(Followed):
    """The body of one answer, which `end` breaks off; before there is one, what is to be carried."""

    def __init__(self, streams: Streams, recorded: Recorded) -> None:
        super().__init__(pieces(b""), self._forgotten)
        self.authenticated = recorded.admitted.authenticated
        self.keys = (recorded.identity.session, recorded.identity.subject)
        self._streams, self._ended = streams, False
        self._task: asyncio.Task[object] | None = None

    def carry(self, answer: Outbound) -> Outbound:
        """The same answer, which `end` can break off."""
        if isinstance(answer.body, bytes):
            self._streams.forget(self)
            return answer
        self._body = answer.body
        return replace(answer, body=self)

    def end(self) -> None:
        """Break off, once: cancel who waits for it or reads it, now or as soon as somebody does."""
        if self._task is not None and not self._ended:
            self._task.cancel()
        self._ended = True

    def follow(self) -> None:
        """From here on `end` cancels the task that calls this. Raises CancelledError if it ended already."""
        self._task = asyncio.current_task()
        if self._ended:
            raise asyncio.CancelledError

    async def __anext__(self) -> bytes:
        self.follow()
        return await super().__anext__()

    async def _forgotten(self, _sent_bytes: int, _whole: bool) -> None:
        self._streams.forget(self)
