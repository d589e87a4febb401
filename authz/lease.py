"""The lease: a process decides only while it confirmed the current epoch within the last second; and the receipt."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from authz.decide import decide
from authz.errors import LeaseLost
from authz.label import Label
from authz.policy import PolicySet
from authz.request import AccessRequest, Decision
from storage.epoch import Confirmations, EpochAnswer, EpochSource

LEASE_SECONDS = 1.0
RUN_OUT_SECONDS = 1.01  # a lease on the source's clock: monotonic clocks differ by less than 0.5 %
ASK_SECONDS = 0.25
ANSWER_SECONDS = 0.5  # deadline of one question
LOAD_SECONDS = 30.0  # deadline of one snapshot; the lease does not wait for it
GRACE_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a decision needs, as it was at `epoch` or later: the policy set, and the ids of sessions that were
    ended.
    """

    epoch: int
    policies: PolicySet
    revoked: frozenset[str] = frozenset()  # sessions that were ended before their time


class Question(NamedTuple):
    """One question to the epoch source: which epoch this process holds, and when it sent the question, in seconds on
    its own monotonic clock.
    """

    sent_at: float
    holds: int


class Ruling(NamedTuple):
    """A decision, and whether it was made within a grace and without a fresh lease. Its record then says `stale`."""

    decision: Decision
    stale: bool


class Decider:
    """Holds one snapshot and the lease to decide by it.

    The lease runs from when the question was sent: the source grants it after that, so when the source has counted
    a full lease since its last grant, this one is over. Only an answer that names the epoch asked about, while that
    snapshot is still held, renews it. A newer snapshot keeps what is left of the time.
    """

    def __init__(self, snapshot: Snapshot, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.snapshot = snapshot
        self._monotonic = monotonic
        self._until = -math.inf

    def question(self) -> Question:
        """Return the question to send to the source now."""
        return Question(sent_at=self._monotonic(), holds=self.snapshot.epoch)

    def take_answer(self, question: Question, answer: EpochAnswer) -> bool:
        """Take the answer to `question`, however late it comes. Return True if the snapshot that is held is the current
        one; the lease then runs for a second from when the question was sent.
        """
        if not question.holds == answer.epoch == self.snapshot.epoch:
            return False
        self._until = max(self._until, question.sent_at + LEASE_SECONDS)
        return True

    def adopt(self, snapshot: Snapshot) -> None:
        """Decide by `snapshot` from here on. If its epoch is lower, the source began anew, and the lease is gone."""
        if snapshot.epoch < self.snapshot.epoch:
            self._until = -math.inf
        self.snapshot = snapshot

    def fresh(self) -> bool:
        """Return whether the lease still runs, so that a decision made before this call counts."""
        return self._monotonic() < self._until

    def decide(self, request: AccessRequest, *, grace_seconds: float = 0.0) -> Ruling:
        """Return the decision about `request`, and whether it is stale.

        The clock is read after the decision: a process that slept in between has decided nothing. `grace_seconds` is
        what the route declares for reads (at most 600), and 0 for writes; from label 3 on there is no grace.

        Raises LeaseLost if the lease ran out and no grace covers it.
        """
        while True:
            snapshot = self.snapshot
            decision = decide(snapshot.policies, request)
            over = self._monotonic() - self._until
            if snapshot is self.snapshot:  # else a newer one was adopted, and perhaps confirmed, in between
                break
        if over < 0:
            return Ruling(decision, stale=False)
        grace = 0.0 if request.label >= Label.L3 else min(grace_seconds, GRACE_SECONDS)
        if over < grace:
            return Ruling(decision, stale=True)
        raise LeaseLost


Load = Callable[[Snapshot, EpochAnswer], Snapshot]
T = TypeVar("T")


class Keeper:
    """Asks the source every 250 ms, or at once after a nudge, and loads the snapshot of what changed."""

    def __init__(
        self,
        decider: Decider,
        source: EpochSource,
        *,
        gateway: str,
        load: Load,
        trouble: Callable[[BaseException | None], None],
    ) -> None:
        """`load` makes the snapshot of (at least) the answer's epoch; like the source, it is called in a thread.

        `trouble` hears of every round that failed; None is a deadline.
        """
        self._decider, self._source, self._gateway = decider, source, gateway
        self._load, self._trouble = load, trouble
        self._nudged = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        # of its own: a source that hangs must not take the threads of others
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lease")

    def nudge(self) -> None:
        """Ask the source at once. This is a hint that may be lost; it may come from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._nudged.set)

    async def keep(self) -> None:
        """Keep the lease until this is cancelled.
        A round that fails is reported to `trouble`; the lease then runs out, and the door closes.
        """
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                self._nudged.clear()
                if not await self._round():
                    await self._pause()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _round(self) -> bool:
        """One question; True if a new snapshot was adopted, which the next question confirms."""
        question = self._decider.question()
        answer = await self._bounded(lambda: self._source.ask(self._gateway, holds=question.holds), ANSWER_SECONDS)
        if answer is None or self._decider.take_answer(question, answer):
            return False
        held = self._decider.snapshot
        loaded = await self._bounded(lambda: self._load(held, answer), LOAD_SECONDS)
        if loaded is None or loaded.epoch == held.epoch:
            return False
        self._decider.adopt(loaded)
        return True

    async def _bounded(self, call: Callable[[], T], seconds: float) -> T | None:
        """What `call` returns in our thread; None, and told, if it fails or takes longer than `seconds`."""
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._thread, call)
        done, _ = await asyncio.wait({running}, timeout=seconds)
        if not done:
            running.cancel()
            self._trouble(None)
            return None
        if (failure := running.exception()) is not None:
            self._trouble(failure)
            return None
        return running.result()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), ASK_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The proof that nobody decides by what was before `epoch`: `confirmed` of `live` gateways said so, and the leases
    of the others ran out. It took `seconds`.
    """

    epoch: int
    confirmed: int
    live: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.confirmed}/{self.live} gateway{'' if self.live == 1 else 's'}, {self.seconds:.1f} s"


def outstanding(seen: Confirmations, epoch: int) -> frozenset[str]:
    """Return the names of the gateways that may still decide by something older than `epoch`."""
    return frozenset(
        name for name, one in seen.gateways.items() if one.epoch < epoch and seen.at - one.granted_at <= RUN_OUT_SECONDS
    )


def receipt(
    source: EpochSource,
    epoch: int,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Receipt:
    """Wait until no gateway decides by anything older than `epoch`, and return the receipt.

    It takes at most RUN_OUT_SECONDS after the step of the epoch, also when gateways are dead. It blocks, so it is
    called in a thread. Raises what the source raises: OSError or StorageUnavailable.
    """
    began = monotonic()
    seen = source.confirmations()
    live = {name for name, one in seen.gateways.items() if seen.at - one.granted_at <= RUN_OUT_SECONDS}
    while outstanding(seen, epoch):
        sleep(0.01)
        seen = source.confirmations()
    confirmed = sum(1 for name in live if name in seen.gateways and seen.gateways[name].epoch >= epoch)
    return Receipt(epoch=epoch, confirmed=confirmed, live=len(live), seconds=monotonic() - began)
