"""Recorded → Outbound: by the upstream, by this process, or by the data plane that asked."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cachebox import TTLCache

from authz.label import Label
from gateway.body import Followed, pieces
from gateway.stages import Deliver, Headers, Listener, Outbound, Recorded
from idp.identity import Identity

_REMEMBERED_SECONDS = 60  # longer than a snapshot takes to be adopted after its ended sessions were told
_REMEMBERED_ENTRIES = 100_000


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
    stream = deliveries.streams.open(recorded.identity)
    try:
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
    """Answers under way: ended with their session, and when their subject's roles change (law 4)."""

    def __init__(self) -> None:
        self._open: defaultdict[str, set[Stream]] = defaultdict(set)
        self._ended: TTLCache[str, bool] = TTLCache(_REMEMBERED_ENTRIES, _REMEMBERED_SECONDS)
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, identity: Identity) -> "Stream":
        """Follow one delivery, from before it begins: what it was permitted by may end while it is awaited."""
        stream = Stream(self, identity, ended=identity.session in self._ended)
        for key in stream.keys:
            self._open[key].add(stream)
        self._loop = asyncio.get_running_loop()
        return stream

    def forget(self, stream: "Stream") -> None:
        """It is over, whether or not it was told before."""
        for key in stream.keys:
            if key in self._open:
                self._open[key].discard(stream)
                if not self._open[key]:
                    del self._open[key]

    def end_soon(self, sessions: Iterable[str], subjects: Iterable[str]) -> None:
        """From any thread: these sessions are over, these subjects' roles are others. Who may still, asks again."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.end, list(sessions))
            self._loop.call_soon_threadsafe(self._break_off, list(subjects))

    def end(self, sessions: Iterable[str]) -> int:
        """Break off every stream of these sessions, also one that opens just now; return how many were open."""
        ended = list(sessions)
        self._ended.update(dict.fromkeys(ended, True))
        return self._break_off(ended)

    def _break_off(self, keys: Iterable[str]) -> int:
        streams = [stream for key in keys for stream in self._open.get(key, ())]
        for stream in streams:
            stream.end()
        return len(streams)


class Stream(Followed):
    """The body of one answer, which `end` breaks off; before there is one, what is to be carried."""

    def __init__(self, streams: Streams, identity: Identity, *, ended: bool) -> None:
        super().__init__(pieces(b""), self._forgotten)
        self.keys = (identity.session, identity.subject)
        self._streams, self._ended = streams, ended
        self._task: asyncio.Task[object] | None = None

    def carry(self, answer: Outbound) -> Outbound:
        """The same answer, which `end` can break off."""
        if isinstance(answer.body, bytes):
            self._streams.forget(self)
            return answer
        self._body = answer.body
        return replace(answer, body=self)

    def end(self) -> None:
        """Break off: cancel who reads it, now or as soon as somebody does."""
        self._ended = True
        if self._task is not None:
            self._task.cancel()

    async def __anext__(self) -> bytes:
        self._task = asyncio.current_task()
        if self._ended:
            raise asyncio.CancelledError
        return await super().__anext__()

    async def _forgotten(self, _sent_bytes: int, _whole: bool) -> None:
        self._streams.forget(self)
