"""Deciders in simulated time: delays, losses, duplicates, pauses, drifting clocks and a death, seen by the receipts."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from authz.decide import decide
from authz.errors import LeaseLost
from authz.label import Label
from authz.lease import Decider, Question, Ruling, Snapshot, outstanding
from authz.policy import PolicySet, Rule
from authz.request import ANONYMOUS, AccessRequest, Effect
from storage.epoch import EpochAnswer, EpochSource, MemoryEpochs

PUBLIC = Rule(id="p1", subject=ANONYMOUS, department="city", object="/*", action="read", effect=Effect.PERMIT)


def request(label: Label = Label.L1) -> AccessRequest:
    return AccessRequest(
        id="01", at=datetime(2026, 1, 1, tzinfo=UTC), subject="user:li", department="city",
        object="/portal/", action="read", label=label, ceiling=Label.L5,
    )  # fmt: skip


def snapshot(epoch: int) -> Snapshot:
    """Each epoch ends the session of its number."""
    ended = frozenset(str(number) for number in range(1, epoch + 1))
    return Snapshot(epoch=epoch, policies=PolicySet.build([PUBLIC], [], version=epoch), revoked=ended)


NO_CONNECTION: Any = None  # one process needs none


class Sim:
    """Real deciders and a real MemoryEpochs in simulated time; every decision is checked against the receipts."""

    observe_seconds = 0.01
    pauses = (0, 0, 0.02, 0.7, 5.0)  # around a look at the clock
    bumps = 0.1  # before a decision

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
        answer = self.source_of(name).ask(name, holds=question.holds)
        for back in self.delays():
            self.after(back, lambda: self.answer(name, question, answer))

    def answer(self, name: str, question: Question, answer: EpochAnswer) -> None:
        decider = self.gateways[name]
        if name in self.dead or decider.take_answer(question, answer) or answer.epoch <= decider.snapshot.epoch:
            return
        self.after(self.random.uniform(0, 0.4 if self.faults else 0.01), lambda: self.adopt(name, answer.epoch))

    def adopt(self, name: str, epoch: int) -> None:
        decider = self.gateways[name]
        if epoch > decider.snapshot.epoch:
            decider.adopt(snapshot(epoch))
            if not self.faults:
                self.arrive(name, decider.question())

    def source_of(self, _name: str) -> EpochSource:
        """Where this gateway asks."""
        return self.source

    def step(self) -> int:
        """Count a change."""
        return self.source.bump(NO_CONNECTION, [("policy", "")])

    def bump(self) -> None:
        self.waiting[self.step()] = self.now

    def observe(self) -> None:
        waiting = list(self.waiting)  # a receipt looks after its step was counted
        seen = self.source.confirmations()
        for epoch in [epoch for epoch in waiting if not outstanding(seen, epoch)]:
            self.slowest = max(self.slowest, self.now - self.waiting.pop(epoch))
            self.effective = max(self.effective, epoch)
        self.after(self.observe_seconds, self.observe)

    def decide(self, name: str) -> None:
        """Decide; around each look at the clock the process may sleep while the others go on."""
        decider = self.gateways[name]
        clock = decider._monotonic

        def sleepy() -> float:
            pause = self.random.choice(self.pauses) if self.faults else 0
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
        if self.effective and str(self.effective) not in decider.snapshot.revoked:  # looked up after the decision
            self.violations.append(f"{self.now:.3f} {name} took session {self.effective}, which has ended")

    def play(self, seconds: float) -> "Sim":
        for name in self.gateways:
            self.ask(name)
        self.observe()
        self.run(0.5)
        if self.faults and self.random.random() < 0.5:
            self.after(self.random.uniform(0, seconds), lambda: self.dead.add("gateway-0"))
        while self.now < seconds:
            self.run(self.now + self.random.choice([0.001, 0.02, 0.3]))
            if self.random.random() < self.bumps:
                self.after(self.random.uniform(0, 0.1), self.bump)
            self.decide(self.random.choice(sorted(self.gateways)))
        self.run(self.now + 1.25)
        return self


class FromArrival(Decider):
    """Broken: the lease is measured from when the answer arrived."""

    def take_answer(self, question: Question, answer: EpochAnswer) -> bool:
        return super().take_answer(Question(sent_at=self._monotonic(), holds=question.holds), answer)


class AnyEpoch(Decider):
    """Broken: an answer renews whatever epoch it names."""

    def take_answer(self, question: Question, answer: EpochAnswer) -> bool:
        super().take_answer(question, EpochAnswer(epoch=question.holds, changes=()))
        return question.holds == answer.epoch == self.snapshot.epoch


class ClockFirst(Decider):
    """Broken: the clock is read before the decision is made, and a sleep may lie between."""

    def decide(self, request: AccessRequest, *, grace_seconds: float = 0.0) -> Ruling:
        if not self.fresh():
            raise LeaseLost
        snapshot = self.snapshot
        self._monotonic()
        return Ruling(decide(snapshot.policies, request), stale=False)


class OldSnapshot(Decider):
    """Broken: it does not look whether the snapshot was replaced and confirmed while it decided."""

    def decide(self, request: AccessRequest, *, grace_seconds: float = 0.0) -> Ruling:
        ruling = Ruling(decide(self.snapshot.policies, request), stale=False)
        if not self.fresh():
            raise LeaseLost
        return ruling
