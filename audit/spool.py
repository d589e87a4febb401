"""The spool of one process: a hash-chained, append-only file that one committer thread writes and syncs in groups.

A caller waits for one write or one fdatasync together with everybody who came meanwhile. After a failed write or
fsync nobody knows what the file holds, so it is never written again (nor the fsync retried): every append is refused
until a new segment opens. A record whose append was refused may still be in the log, never the other way round.
"""

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from audit import durable, segment
from audit.errors import AuditUnavailable
from audit.event import Event, encode
from audit.record import OVERHEAD_BYTES, link

_QUEUE_RECORDS = 8192
_BATCH_RECORDS = 1024
_UNSYNCED_RECORDS = 4096
_IDLE_SECONDS = 0.05  # then what nobody waits for is synced too
_STALL_SECONDS = 5.0  # a write or fsync that takes longer counts as a failed one for whoever waits
_STALLED = "spool is stalled: a write or fsync does not return"
_LOOK_SECONDS = 0.25  # between two looks at how much the sequencer removed
_SEGMENTS = 16  # of the limit; a full one is closed, so that it can be removed once it is sequenced
_RESERVED_PERCENT = 10


class _Item(NamedTuple):
    event: bytes
    synced: bool
    reserved: bool
    future: asyncio.Future[None]


class Spool:
    """Takes the events of this process until `close`. One process alone has a directory."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], datetime],
        limit_bytes: int = 256 << 20,
        retry_seconds: float = 1.0,
    ) -> None:
        """Begin a segment behind what `directory` holds; `found` says what that was. Raises AuditUnavailable."""
        self._directory, self._clock = directory, clock
        self._limit_bytes, self._retry_seconds = limit_bytes, retry_seconds
        try:
            durable.make_folder(directory)
            self._lock = durable.lock(directory / "lock")
            self.found = segment.find(directory)
        except OSError as failure:
            raise AuditUnavailable(f"spool cannot be opened: {failure.strerror}") from failure
        self._segment: segment.Segment | None = None
        self._previous, self._head = self.found.segment, self.found.head
        self._unsynced: list[bytes] = []  # since the last sync, to be repeated in a new segment
        self._opening = False  # the opening record of a segment that could not begin is among them
        self._looked = self._busy_since = 0.0
        self._blocked = ""
        self._closed = False
        self._begin("start")
        if self._blocked:
            os.close(self._lock)
            raise AuditUnavailable(self._blocked)
        self._gate = threading.Lock()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._committer = threading.Thread(target=self._run, name="audit-committer", daemon=True)
        self._committer.start()

    async def append(self, event: Event, *, synced: bool, reserved: bool = False) -> None:
        """Return once `event` is written; with `synced`, once an fdatasync that covers it has returned.

        `reserved` (administration, revocation, audit) may use the last 10 % of the spool. Raises AuditUnavailable if
        the record cannot be written, or was not within 5 seconds: it may then be in the log all the same.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._put(_Item(encode(event), synced, reserved, future))
        timer = loop.call_later(_STALL_SECONDS, _answer, [future], _STALLED)
        try:
            await future
        finally:
            timer.cancel()

    def why_blocked(self) -> str:
        """Return why nothing can be appended now, or ""."""
        return self._blocked

    def close(self) -> None:
        """Write and sync what was taken, and end the thread."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._committer.join()
        if self._segment:
            self._segment.close()
        os.close(self._lock)

    def _put(self, item: _Item) -> None:
        with self._gate:
            if self._closed:
                raise AuditUnavailable("spool is closed")
            if self._blocked:
                raise AuditUnavailable(self._blocked)
            if self._queue.qsize() >= _QUEUE_RECORDS:
                raise AuditUnavailable("spool is too slow: its queue is full")
            busy = self._busy_since
            if busy and time.monotonic() - busy > _STALL_SECONDS:
                raise AuditUnavailable(_STALLED)
            self._queue.put(item)

    def _run(self) -> None:
        batch: list[_Item] = []
        closing = False
        try:
            while not closing:
                batch, closing = self._take()
                self._busy_since = time.monotonic()
                if self._segment is None:
                    self._begin("failure")
                self._commit(batch, last=closing)
                self._busy_since = 0.0
        finally:  # nobody may wait for a thread that is gone
            with self._gate:
                self._closed = True
            while not self._queue.empty():
                batch += filter(None, [self._queue.get_nowait()])
            _settle([item.future for item in batch], "spool is closed")

    def _take(self) -> tuple[list[_Item], bool]:
        """Wait for work; an empty batch means time to sync or to retry. The flag says that this is the last."""
        wait = self._retry_seconds if self._segment is None else _IDLE_SECONDS if self._unsynced else None
        batch: list[_Item] = []
        with contextlib.suppress(queue.Empty):
            item = self._queue.get(timeout=wait)
            while item is not None:
                batch.append(item)
                if len(batch) == _BATCH_RECORDS or not self._queue.qsize():
                    return batch, False
                item = self._queue.get_nowait()
            return batch, True
        return batch, False

    def _commit(self, batch: Sequence[_Item], *, last: bool) -> None:
        """Write a batch, and sync if anybody waits for that, or if nobody comes any more."""
        if self._segment is None:
            _settle([item.future for item in batch], self._blocked)
            return
        taken, refused = self._taken(batch)
        _settle([item.future for item in refused], "spool is full")
        records = [self._link(item.event) for item in taken]
        try:
            self._segment.write(records)
            _settle([item.future for item in taken if not item.synced])
            full = self._segment.size_bytes * _SEGMENTS >= self._limit_bytes
            if (
                last
                or full
                or not batch
                or len(self._unsynced) >= _UNSYNCED_RECORDS
                or any(one.synced for one in taken)
            ):
                self._segment.sync()
                self._unsynced.clear()
        except OSError as failure:
            self._poison("spool cannot be written", failure)
            _settle([item.future for item in taken], self._blocked)
            return
        _settle([item.future for item in taken if item.synced])
        if full:
            self._begin("rotation")

    def _link(self, event: bytes) -> bytes:
        record, self._head = link(self.found.spool, event, self._head)
        self._unsynced.append(record)
        return record

    def _begin(self, why: str) -> None:
        """Open the next segment; what the last one may have lost is repeated in it."""
        if not self._opening:
            found = replace(self.found, head=self._head, segment=self._previous)
            if why != "start":
                found = replace(found, cut_bytes=0, lost=0)
            self._link(encode(segment.opening(found, why=why, at=self._clock())))
            self._opening = True
        try:
            fresh = segment.Segment(self._directory, self._unsynced)
            self._held_bytes = segment.held_bytes(self._directory)
        except OSError as failure:
            self._poison("spool cannot begin a segment", failure)
            return
        if self._segment:
            self._segment.close()
        self._segment, self._previous = fresh, fresh.path.stem
        self._unsynced.clear()
        self._opening, self._blocked = False, ""

    def _poison(self, what: str, failure: OSError) -> None:
        """Never touch the segment again: after a failure the kernel may call lost pages clean."""
        self._blocked = f"{what}: {failure.strerror or type(failure).__name__}"
        if self._segment:
            self._segment.close()
        self._segment = None

    def _taken(self, batch: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
        """Those for whom the limit leaves room, and the others."""
        taken: list[_Item] = []
        refused: list[_Item] = []
        for item in batch:
            (taken if self._fits(item) else refused).append(item)
        return taken, refused

    def _fits(self, item: _Item) -> bool:
        """Whether the limit leaves room; counts the room as taken."""
        limit = self._limit_bytes * (100 if item.reserved else 100 - _RESERVED_PERCENT) // 100
        size = len(item.event) + OVERHEAD_BYTES
        if self._held_bytes + size > limit and time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._held_bytes = segment.held_bytes(self._directory)
        if self._held_bytes + size > limit:
            return False
        self._held_bytes += size
        return True


def _settle(waiting: Sequence[asyncio.Future[None]], refusal: str = "") -> None:
    """Give every future its answer, those of an event loop with one call into it."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for future in waiting:
        loops.setdefault(future.get_loop(), []).append(future)
    for loop, group in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_answer, group, refusal)


def _answer(group: Sequence[asyncio.Future[None]], refusal: str) -> None:
    for future in group:
        if not future.done():
            if refusal:
                future.set_exception(AuditUnavailable(refusal))
            else:
                future.set_result(None)
