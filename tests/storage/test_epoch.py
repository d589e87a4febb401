"""The epoch source: counts, remembers so much and no more, and believes no late or foreign confirmation."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from storage.database import Database
from storage.epoch import EpochChange, EpochSource, MemoryEpochs
from storage.shared_epoch import PostgresEpochs
from tests.bounds import join_in_time


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class Epochs:
    """A source with its database; `bump` is a transaction of its own."""

    def __init__(self, source: EpochSource, database: Database) -> None:
        self.source, self.database = source, database
        self.ask, self.confirmations = source.ask, source.confirmations

    def bump(self, changes: list[tuple[Any, str]]) -> int:
        with self.database.transaction() as connection:
            return self.source.bump(connection, changes)


Make = Callable[..., Epochs]


@pytest.fixture
def epochs(database_url: str) -> Iterator[Make]:
    database = Database(database_url)
    database.migrate()

    def make(**options: Any) -> Epochs:
        if database_url.startswith("postgresql"):
            return Epochs(PostgresEpochs(database, **options), database)
        return Epochs(MemoryEpochs(**options), database)

    yield make
    database.close()


def since(source: Epochs, epoch: int) -> tuple[EpochChange, ...] | None:
    return source.ask("gateway-1", holds=epoch).changes


def test_every_bump_is_one_step_with_all_its_changes(epochs: Make) -> None:
    source = epochs(monotonic=Clock())
    assert source.bump([("session", "s1"), ("subject", "user:li")]) == 1
    assert source.bump([("policy", "")]) == 2
    assert since(source, 0) == (
        EpochChange(epoch=1, kind="session", key="s1"),
        EpochChange(epoch=1, kind="subject", key="user:li"),
        EpochChange(epoch=2, kind="policy", key=""),
    )
    assert since(source, 2) == ()


def test_an_epoch_too_old_or_never_counted_means_load_everything(epochs: Make) -> None:
    source = epochs(monotonic=Clock(), keep_changes=2)
    source.bump([("session", "s1"), ("session", "s2")])
    source.bump([("session", "s3")])
    assert since(source, 0) is None  # half of epoch 1 is gone, so all of it
    assert since(source, 1) == (EpochChange(epoch=2, kind="session", key="s3"),)
    assert since(source, 3) is None
    source.bump([("session", str(n)) for n in range(5)])
    assert since(source, 2) is None


def test_a_late_question_takes_no_confirmation_back_and_grants_nothing(epochs: Make) -> None:
    clock = Clock()
    source = epochs(monotonic=clock)
    source.ask("gateway-1", holds=0)
    source.bump([("policy", "")])
    clock.now += 0.1
    source.ask("gateway-1", holds=1)
    clock.now += 5
    answer = source.ask("gateway-1", holds=0)
    one = source.confirmations().gateways["gateway-1"]
    assert (answer.epoch, one.epoch, one.granted_at) == (1, 1, 50.1)


def test_a_snapshot_from_before_a_restart_of_the_source_confirms_nothing(epochs: Make) -> None:
    source = epochs(monotonic=Clock())
    answer = source.ask("gateway-1", holds=57)
    assert answer.changes is None
    source.bump([("policy", "")])
    assert source.confirmations().gateways.get("gateway-1") is None


def test_a_silent_gateway_is_forgotten_long_after_its_lease(epochs: Make) -> None:
    clock = Clock()
    source = epochs(monotonic=clock, forget_seconds=60)
    source.ask("gateway-1", holds=0)
    clock.now += 60
    assert "gateway-1" in source.confirmations().gateways
    clock.now += 1
    assert source.confirmations().gateways == {}


def test_bumps_from_many_threads_are_counted_each_once(epochs: Make) -> None:
    source = epochs(monotonic=Clock(), keep_changes=10_000)
    epochs: list[int] = []

    def bump_often() -> None:
        epochs.extend(source.bump([("session", "s")]) for _ in range(50))

    threads = [threading.Thread(target=bump_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join_in_time(thread)
    assert sorted(epochs) == list(range(1, 201))
    changes = since(source, 0)
    assert changes is not None
    assert [change.epoch for change in changes] == list(range(1, 201))
