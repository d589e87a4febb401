"""The lease and the receipt: after a receipt nobody decides by what was before, whatever is lost, late or asleep."""

import asyncio
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.errors import LeaseLost, PolicyInvalid
from authz.label import Label
from authz.lease import LEASE_SECONDS, Decider, Keeper, Question, Receipt, Ruling, Snapshot, receipt
from storage.epoch import EpochAnswer, MemoryEpochs
from tests.authz.lease_simulation import (
    NO_CONNECTION,
    AnyEpoch,
    ClockFirst,
    FromArrival,
    OldSnapshot,
    Sim,
    request,
    snapshot,
)
from tests.bounds import join_in_time


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# ── one decider ──────────────────────────────────────────────────────────────────────────────────────────────────────


def confirmed(clock: Clock) -> Decider:
    decider = Decider(snapshot(0), monotonic=clock)
    decider.take_answer(decider.question(), EpochAnswer(epoch=0, changes=()))
    return decider


def test_nobody_decides_before_the_first_confirmation() -> None:
    with pytest.raises(LeaseLost):
        Decider(snapshot(0), monotonic=Clock()).decide(request(), grace_seconds=600)


def test_the_lease_runs_from_when_the_question_was_sent() -> None:
    clock = Clock()
    decider = Decider(snapshot(0), monotonic=clock)
    question = decider.question()
    clock.now += 0.9
    assert decider.take_answer(question, EpochAnswer(epoch=0, changes=()))
    clock.now += 0.09
    assert decider.fresh()
    clock.now += 0.01
    assert not decider.fresh()


def test_an_answer_that_names_another_epoch_renews_nothing() -> None:
    clock = Clock()
    decider = Decider(snapshot(3), monotonic=clock)
    assert not decider.take_answer(decider.question(), EpochAnswer(epoch=4, changes=()))
    assert not decider.take_answer(Question(sent_at=clock(), holds=2), EpochAnswer(epoch=3, changes=()))
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


# ── many deciders, simulated time: delays, losses, duplicates, pauses, drifting clocks, a death ──────────────────────


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


@pytest.mark.parametrize("broken", [FromArrival, AnyEpoch, ClockFirst, OldSnapshot])
def test_the_simulation_catches_what_would_break_the_law(broken: type[Decider]) -> None:
    assert any(Sim(Random(seed), broken).play(8).violations for seed in range(200))


# ── the loop and the receipt on the real clock ───────────────────────────────────────────────────────────────────────


class Gateway:
    """A decider kept by a running loop in a thread of its own, as a gateway process has it."""

    def __init__(self, source: MemoryEpochs, name: str, load: Callable[[Snapshot, EpochAnswer], Snapshot]) -> None:
        self.decider, self.troubles = Decider(snapshot(0)), []
        self.keeper = Keeper(self.decider, source, gateway=name, load=load, trouble=self.troubles.append)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        async def main() -> None:
            self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
            task = asyncio.create_task(self.keeper.keep())
            await asyncio.wait_for(self.stop.wait(), 300)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(main())

    def __enter__(self) -> Self:
        self.thread.start()
        until(self.decider.fresh)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        join_in_time(self.thread)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def reload(_held: Snapshot, answer: EpochAnswer) -> Snapshot:
    return snapshot(answer.epoch)


def test_a_receipt_counts_the_gateways_that_confirmed() -> None:
    source = MemoryEpochs(monotonic=time.monotonic)
    with Gateway(source, "gateway-1", reload) as gateway:
        epoch = source.bump(NO_CONNECTION, [("subject", "user:li")])
        gateway.keeper.nudge()
        given_ = receipt(source, epoch)
        assert (given_.confirmed, given_.live) == (1, 1)
        assert gateway.decider.decide(request()).decision.version == 1
        assert gateway.troubles == []


def test_a_gateway_that_cannot_load_the_new_set_closes_and_is_not_counted() -> None:
    def refuse(_held: Snapshot, _answer: EpochAnswer) -> Snapshot:
        raise PolicyInvalid("a bad set")

    source = MemoryEpochs(monotonic=time.monotonic)
    with Gateway(source, "gateway-1", refuse) as gateway:
        given_ = receipt(source, source.bump(NO_CONNECTION, [("policy", "")]))
        assert (given_.confirmed, given_.live) == (0, 1)
        assert not gateway.decider.fresh()
        assert isinstance(gateway.troubles[0], PolicyInvalid)


def test_a_source_that_fails_is_asked_again() -> None:
    class Failing(MemoryEpochs):
        fails = False

        def ask(self, gateway: str, *, holds: int) -> EpochAnswer:
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
