"""The lease and the receipt: after a receipt nobody decides by what was before, whatever is lost, late or asleep."""

import asyncio
import heapq
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.errors import LeaseLost, PolicyInvalid
from authz.label import Label
from authz.lease import LEASE_SECONDS, Decider, Keeper, Question, Receipt, Ruling, Snapshot, outstanding, receipt
from authz.policy import PolicySet, Rule
from authz.request import ANONYMOUS, AccessRequest, Effect, Missing
from storage.epoch import Answer, MemoryEpochs

PUBLIC = Rule(id="p1", subject=ANONYMOUS, department="city", object="/*", action="read", effect=Effect.PERMIT)


def request(label: Label = Label.L1) -> AccessRequest:
    return AccessRequest(
        id="01", at=datetime(2026, 1, 1, tzinfo=UTC), subject="user:li", department="city",
        object="/portal/", action="read", label=label, ceiling=Label.L5,
    )  # fmt: skip


def snapshot(epoch: int, *revoked: str) -> Snapshot:
    return Snapshot(epoch=epoch, policies=PolicySet.build([PUBLIC], [], version=epoch), revoked=frozenset(revoked))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# ── one decider ──────────────────────────────────────────────────────────────────────────────────────────────────────


def confirmed(clock: Clock, epoch: int = 0, *revoked: str) -> Decider:
    decider = Decider(snapshot(epoch, *revoked), monotonic=clock)
    decider.answered(decider.question(), Answer(epoch=epoch, changes=()))
    return decider


def test_nobody_decides_before_the_first_confirmation() -> None:
    with pytest.raises(LeaseLost):
        Decider(snapshot(0), monotonic=Clock()).decide(request(), grace_seconds=600)


def test_the_lease_runs_from_when_the_question_was_sent() -> None:
    clock = Clock()
    decider = Decider(snapshot(0), monotonic=clock)
    question = decider.question()
    clock.now += 0.9
    assert decider.answered(question, Answer(epoch=0, changes=()))
    clock.now += 0.09
    assert decider.fresh()
    clock.now += 0.01
    assert not decider.fresh()


def test_an_answer_that_names_another_epoch_renews_nothing() -> None:
    clock = Clock()
    decider = Decider(snapshot(3), monotonic=clock)
    assert not decider.answered(decider.question(), Answer(epoch=4, changes=()))
    assert not decider.answered(Question(sent_at=clock(), holds=2), Answer(epoch=3, changes=()))
    assert not decider.fresh()


def test_a_newer_snapshot_keeps_what_is_left_of_the_lease_and_no_more() -> None:
    clock = Clock()
    decider = confirmed(clock)
    clock.now += 0.5
    decider.adopt(snapshot(1))
    assert decider.decide(request()).decision.version == 1
    clock.now += 0.5
    with pytest.raises(LeaseLost):
        decider.decide(request())


def test_grace_is_for_labels_below_three_is_bounded_and_says_stale() -> None:
    clock = Clock()
    decider = confirmed(clock)
    clock.now += LEASE_SECONDS + 599
    assert decider.decide(request(Label.L1), grace_seconds=9999) == Ruling(
        decider.decide(request(), grace_seconds=600).decision, stale=True
    )
    with pytest.raises(LeaseLost):
        decider.decide(request(Label.L3), grace_seconds=600)
    with pytest.raises(LeaseLost):
        decider.decide(request(Label.L1))
    clock.now += 1
    with pytest.raises(LeaseLost):
        decider.decide(request(Label.L1), grace_seconds=9999)


def test_an_ended_session_is_denied_whatever_its_subject_may() -> None:
    decider = confirmed(Clock(), 7, "session-1")
    decision, stale = decider.decide(request(), session="session-1")
    assert (decision.effect, decision.reason, decision.missing) == (Effect.DENY, "session-ended", Missing.IDENTITY)
    assert not stale
    assert decider.decide(request(), session="session-2").decision.effect is Effect.PERMIT


# ── many deciders, simulated time: delays, losses, duplicates, pauses, drifting clocks, a death ──────────────────────


class Sim:
    """Real deciders and a real MemoryEpochs on one simulated time line; every decision is checked against receipts."""

    def __init__(self, random: Random, kind: type[Decider] = Decider, *, faults: bool = True) -> None:
        self.random, self.faults = random, faults
        self.now, self.events, self.count = 0.0, [], 0
        self.effective = 0  # highest epoch a receipt has declared
        self.waiting: dict[int, float] = {}  # epoch → when it was bumped
        self.slowest = 0.0
        self.violations: list[str] = []
        self.source = MemoryEpochs(monotonic=self.clock())
        self.gateways = {f"gateway-{n}": kind(snapshot(0), monotonic=self.clock()) for n in range(3)}
        self.dead: set[str] = set()

    def clock(self) -> Callable[[], float]:
        rate, offset = 1 + self.random.uniform(-1e-3, 1e-3), self.random.uniform(-1e6, 1e6)
        return lambda: self.now * rate + offset

    def after(self, delay: float, event: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (self.now + delay, self.count, event))

    def run(self, until: float) -> None:
        while self.events and self.events[0][0] <= until:
            self.now, _, event = heapq.heappop(self.events)
            event()
        self.now = max(self.now, until)

    def delays(self) -> list[float]:
        """How long a message takes, for each time it arrives: lost, once, or twice."""
        if not self.faults:
            return [self.random.uniform(0.001, 0.05)]
        copies = self.random.choices([0, 1, 2], [2, 6, 1])[0]
        return [self.random.choice([0.001, 0.05, self.random.uniform(0, 3)]) for _ in range(copies)]

    def ask(self, name: str) -> None:
        if name in self.dead:
            return
        decider = self.gateways[name]
        question = decider.question()
        for there in self.delays():
            self.after(there, lambda: self.arrive(name, question))
        self.after(0.25, lambda: self.ask(name))

    def arrive(self, name: str, question: Question) -> None:
        answer = self.source.ask(name, holds=question.holds)
        for back in self.delays():
            self.after(back, lambda: self.answer(name, question, answer))

    def answer(self, name: str, question: Question, answer: Answer) -> None:
        decider = self.gateways[name]
        if name in self.dead or decider.answered(question, answer) or answer.epoch <= decider.snapshot.epoch:
            return
        self.after(self.random.uniform(0, 0.4 if self.faults else 0.01), lambda: self.adopt(name, answer.epoch))

    def adopt(self, name: str, epoch: int) -> None:
        decider = self.gateways[name]
        if epoch > decider.snapshot.epoch:
            decider.adopt(snapshot(epoch))
            if not self.faults:
                self.arrive(name, decider.question())

    def bump(self) -> None:
        self.waiting[self.source.bump([("policy", "")])] = self.now

    def observe(self) -> None:
        seen = self.source.confirmations()
        for epoch in [epoch for epoch in self.waiting if not outstanding(seen, epoch)]:
            self.slowest = max(self.slowest, self.now - self.waiting.pop(epoch))
            self.effective = max(self.effective, epoch)
        self.after(0.01, self.observe)

    def decide(self, name: str) -> None:
        """Decide; around each look at the clock the process may sleep while the others go on."""
        decider = self.gateways[name]
        clock = decider._monotonic

        def sleepy() -> float:
            pause = self.random.choice([0, 0, 0.02, 0.7, 5.0]) if self.faults else 0
            decider._monotonic = clock  # other threads of the process go on, and do not sleep
            self.run(self.now + pause)
            decider._monotonic = sleepy
            return clock()

        decider._monotonic = sleepy
        try:
            version = decider.decide(request()).decision.version
        except LeaseLost:
            return
        finally:
            decider._monotonic = clock
        if version < self.effective:
            self.violations.append(f"{self.now:.3f} {name} decided by {version}, effective is {self.effective}")

    def play(self, seconds: float) -> "Sim":
        for name in self.gateways:
            self.ask(name)
        self.observe()
        self.run(0.5)
        if self.faults and self.random.random() < 0.5:
            self.after(self.random.uniform(0, seconds), lambda: self.dead.add("gateway-0"))
        while self.now < seconds:
            self.run(self.now + self.random.choice([0.001, 0.02, 0.3]))
            if self.random.random() < 0.1:
                self.after(self.random.uniform(0, 0.1), self.bump)
            self.decide(self.random.choice(sorted(self.gateways)))
        self.run(self.now + 1.25)
        return self


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_after_the_receipt_nobody_decides_by_an_older_snapshot(seed: int) -> None:
    assert Sim(Random(seed)).play(8).violations == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_a_change_is_effective_within_a_second_and_a_quarter(seed: int, faults: bool) -> None:
    sim = Sim(Random(seed), faults=faults)
    sim.play(4)
    assert sim.slowest <= (1.05 if faults else 0.5)  # a lost gateway costs its lease, never more


def test_without_faults_the_lease_is_never_lost() -> None:
    sim = Sim(Random(1), faults=False)
    sim.run(0)
    for name in sim.gateways:
        sim.ask(name)
    sim.run(1)
    for _ in range(200):
        sim.run(sim.now + 0.05)
        sim.bump()
        assert all(decider.fresh() for decider in sim.gateways.values())


class FromArrival(Decider):
    """Broken: the lease is measured from when the answer arrived."""

    def answered(self, question: Question, answer: Answer) -> bool:
        return super().answered(Question(sent_at=self._monotonic(), holds=question.holds), answer)


class AnyEpoch(Decider):
    """Broken: an answer renews whatever epoch it names."""

    def answered(self, question: Question, answer: Answer) -> bool:
        super().answered(question, Answer(epoch=question.holds, changes=()))
        return question.holds == answer.epoch == self.snapshot.epoch


class ClockFirst(Decider):
    """Broken: the clock is read before the decision is made, and a sleep may lie between."""

    def decide(self, request: AccessRequest, *, session: str = "", grace_seconds: float = 0.0) -> Ruling:
        if not self.fresh():
            raise LeaseLost
        snapshot = self.snapshot
        self._monotonic()
        return Ruling(self._rule(snapshot, request, session), stale=False)


class OldSnapshot(Decider):
    """Broken: it does not look whether the snapshot was replaced and confirmed while it decided."""

    def decide(self, request: AccessRequest, *, session: str = "", grace_seconds: float = 0.0) -> Ruling:
        ruling = Ruling(self._rule(self.snapshot, request, session), stale=False)
        if not self.fresh():
            raise LeaseLost
        return ruling


@pytest.mark.parametrize("broken", [FromArrival, AnyEpoch, ClockFirst, OldSnapshot])
def test_the_simulation_catches_what_would_break_the_law(broken: type[Decider]) -> None:
    assert any(Sim(Random(seed), broken).play(8).violations for seed in range(200))


# ── the loop and the receipt on the real clock ───────────────────────────────────────────────────────────────────────


class Gateway:
    """A decider kept by a running loop in a thread of its own, as a gateway process has it."""

    def __init__(self, source: MemoryEpochs, name: str, load: Callable[[Snapshot, Answer], Snapshot]) -> None:
        self.decider, self.troubles = Decider(snapshot(0)), []
        self.keeper = Keeper(self.decider, source, gateway=name, load=load, trouble=self.troubles.append)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        async def main() -> None:
            self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
            task = asyncio.create_task(self.keeper.keep())
            await self.stop.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(main())

    def __enter__(self) -> "Gateway":
        self.thread.start()
        until(self.decider.fresh)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def reload(_held: Snapshot, answer: Answer) -> Snapshot:
    return snapshot(answer.epoch)


def test_a_receipt_counts_the_gateways_that_confirmed() -> None:
    source = MemoryEpochs(monotonic=time.monotonic, bumped=lambda: gateway.keeper.nudge())
    with Gateway(source, "gateway-1", reload) as gateway:
        given_ = receipt(source, source.bump([("subject", "user:li")]))
        assert (given_.confirmed, given_.live) == (1, 1)
        assert gateway.decider.decide(request()).decision.version == 1
        assert gateway.troubles == []


def test_a_gateway_that_cannot_load_the_new_set_closes_and_is_not_counted() -> None:
    def refuse(_held: Snapshot, _answer: Answer) -> Snapshot:
        raise PolicyInvalid("a bad set")

    source = MemoryEpochs(monotonic=time.monotonic)
    with Gateway(source, "gateway-1", refuse) as gateway:
        given_ = receipt(source, source.bump([("policy", "")]))
        assert (given_.confirmed, given_.live) == (0, 1)
        assert not gateway.decider.fresh()
        assert isinstance(gateway.troubles[0], PolicyInvalid)


def test_a_source_that_fails_is_asked_again() -> None:
    class Failing(MemoryEpochs):
        fails = False

        def ask(self, gateway: str, *, holds: int) -> Answer:
            if self.fails:
                raise ConnectionError("no database")
            return super().ask(gateway, holds=holds)

    source = Failing(monotonic=time.monotonic)
    with Gateway(source, "gateway-1", reload) as gateway:
        source.fails = True
        until(lambda: not gateway.decider.fresh())
        source.fails = False
        until(gateway.decider.fresh)
        assert isinstance(gateway.troubles[0], ConnectionError)


def test_a_receipt_reads_like_a_sentence() -> None:
    assert str(Receipt(epoch=1, confirmed=1, live=1, seconds=0.1)) == "1/1 gateway, 0.1 s"
    assert str(Receipt(epoch=1, confirmed=2, live=3, seconds=1.0)) == "2/3 gateways, 1.0 s"
