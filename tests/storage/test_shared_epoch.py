"""The epoch in PostgreSQL: learned exactly with its commit, and no lease is granted past one that was counted."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from storage import store
from storage.database import Database
from storage.shared_epoch import PostgresEpochs
from tests.bounds import join_in_time


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    made = Database(postgres_url)
    yield made
    made.close()


@pytest.fixture
def epochs(database: Database) -> PostgresEpochs:
    return PostgresEpochs(database, monotonic=time.monotonic)


def test_a_step_is_learned_with_its_commit_and_not_before(database: Database, epochs: PostgresEpochs) -> None:
    """Whoever asks meanwhile waits: it is told neither the old epoch, which would grant a lease, nor the new one."""
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as connection:
            assert epochs.bump(connection, [("session", "s1")]) == 1
            asked = threads.submit(epochs.ask, "gateway-1", holds=0)
            time.sleep(0.3)
            assert not asked.done()
        answer = asked.result(5)
    assert (answer.epoch, [change.key for change in answer.changes or ()]) == (1, ["s1"])
    assert epochs.confirmations().gateways == {}


def test_a_step_that_is_rolled_back_was_never_counted(database: Database, epochs: PostgresEpochs) -> None:
    def break_off() -> None:
        with database.transaction() as connection:
            epochs.bump(connection, [("session", "s1")])
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    answer = epochs.ask("gateway-1", holds=0)
    assert (answer.epoch, answer.changes) == (0, ())
    with database.transaction() as connection:
        assert connection.execute(sa.select(store.epoch_change)).all() == []
        assert epochs.bump(connection, [("policy", "")]) == 1


def test_a_lease_that_is_being_granted_is_waited_for(database: Database, epochs: PostgresEpochs) -> None:
    """Else its grant could be invisible to the receipt of the step that came in between."""
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as asking:
            asking.execute(sa.text("SELECT pg_advisory_xact_lock_shared(:n)"), {"n": number("epoch")})

            def step() -> int:
                with database.transaction() as connection:
                    return epochs.bump(connection, [("policy", "")])

            counted = threads.submit(step)
            time.sleep(0.3)
            assert not counted.done()
        assert counted.result(5) == 1


def test_questions_do_not_wait_for_each_other(database: Database, epochs: PostgresEpochs) -> None:
    with database.transaction() as asking:
        asking.execute(sa.text("SELECT pg_advisory_xact_lock_shared(:n)"), {"n": number("epoch")})
        assert epochs.ask("gateway-1", holds=0).epoch == 0


def test_many_steps_at_once_are_counted_each_once_and_their_changes_stay_together(
    database: Database, epochs: PostgresEpochs
) -> None:
    def step(number: int) -> int:
        with database.transaction() as connection:
            return epochs.bump(connection, [("session", f"{number}a"), ("session", f"{number}b")])

    with ThreadPoolExecutor(8) as threads:
        counted = dict(zip(threads.map(step, range(40)), range(40), strict=True))
    assert sorted(counted) == list(range(1, 41))
    changes = epochs.ask("gateway-1", holds=0).changes
    assert changes is not None
    assert [(one.epoch, one.key) for one in changes] == [
        (epoch, f"{counted[epoch]}{letter}") for epoch in range(1, 41) for letter in "ab"
    ]


def test_what_one_process_grants_another_sees_and_counts_from_its_own_sight(database: Database) -> None:
    here, there = Clock(), Clock()
    there.now = 9_000.0
    asking, observing = PostgresEpochs(database, monotonic=here), PostgresEpochs(database, monotonic=there)
    asking.ask("gateway-1", holds=0)
    there.now += 3
    first = observing.confirmations().gateways["gateway-1"]
    there.now += 1
    again = observing.confirmations().gateways["gateway-1"]
    asking.ask("gateway-1", holds=0)
    renewed = observing.confirmations().gateways["gateway-1"]
    assert [one.granted_at for one in (first, again, renewed)] == [9_003.0, 9_003.0, 9_004.0]


def test_a_gateway_forgotten_and_back_is_never_taken_for_the_silent_one_it_was(database: Database) -> None:
    clocks = Clock(), Clock()
    asking, observing = (PostgresEpochs(database, monotonic=one) for one in clocks)
    asking.ask("gateway-1", holds=0)
    assert observing.confirmations().gateways["gateway-1"].granted_at == 50.0
    clocks[0].now += 61
    asking.ask("gateway-2", holds=0)  # which finds gateway-1 silent
    asking.ask("gateway-1", holds=0)
    clocks[1].now += 5
    assert observing.confirmations().gateways["gateway-1"].granted_at == 55.0


def test_rows_of_gateways_that_are_gone_do_not_pile_up(database: Database) -> None:
    clock = Clock()
    epochs = PostgresEpochs(database, monotonic=clock)
    for number_ in range(50):
        epochs.ask(f"gateway-{number_}", holds=0)
        clock.now += 10
    with database.transaction() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(store.gateway)).scalar_one() <= 8


def test_the_feed_is_bounded(database: Database) -> None:
    epochs = PostgresEpochs(database, monotonic=time.monotonic, keep_changes=10)
    for _ in range(30):
        with database.transaction() as connection:
            epochs.bump(connection, [("session", "a"), ("session", "b")])
    with database.transaction() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(store.epoch_change)).scalar_one() <= 10
    assert epochs.ask("gateway-1", holds=3).changes is None
    assert len(epochs.ask("gateway-1", holds=26).changes or ()) == 8


def test_a_restart_of_every_process_loses_no_epoch(database: Database, postgres_url: str) -> None:
    with database.transaction() as connection:
        PostgresEpochs(database, monotonic=time.monotonic).bump(connection, [("session", "s1")])
    database.close()
    again = Database(postgres_url)
    assert PostgresEpochs(again, monotonic=time.monotonic).confirmations().epoch == 1
    again.close()


def number(name: str) -> int:
    from storage import advisory

    return advisory.number(name)


def test_a_thread_that_reads_late_makes_a_grant_seem_newer_never_older(database: Database) -> None:
    clock = Clock()
    epochs = PostgresEpochs(database, monotonic=clock)
    epochs.ask("gateway-1", holds=0)
    with database.transaction() as connection:
        old = {row.name: row.grants for row in connection.execute(sa.select(store.gateway))}
    clock.now += 1
    epochs.ask("gateway-1", holds=0)
    clock.now += 1
    late = threading.Thread(target=epochs._look, args=(old,))
    late.start()
    join_in_time(late)
    assert epochs.confirmations().gateways["gateway-1"].granted_at >= 51.0


def test_a_gateway_that_fell_behind_learns_what_changed_up_to_the_epoch_it_is_told(
    database: Database, epochs: PostgresEpochs
) -> None:
    """The step that is counted while the answer is put together belongs to the next answer."""
    with database.transaction() as connection:
        epochs.bump(connection, [("session", "s1"), ("session", "s2")])
    since = epochs._since

    def one_more(holds: int, current: int) -> object:
        with database.transaction() as connection:
            epochs.bump(connection, [("session", "s3")])
        return since(holds, current)

    epochs._since = one_more  # type: ignore[method-assign, assignment]
    answer = epochs.ask("gateway-1", holds=0)
    assert (answer.epoch, [change.key for change in answer.changes or ()]) == (1, ["s1", "s2"])


def test_changes_that_are_dropped_while_they_are_read_are_not_missing_from_an_answer(database: Database) -> None:
    epochs = PostgresEpochs(database, monotonic=time.monotonic, keep_changes=1)
    with database.transaction() as connection:
        epochs.bump(connection, [("session", "s1")])
    assert [change.key for change in epochs._since(0, 1) or ()] == ["s1"]
    with database.transaction() as connection:
        epochs.bump(connection, [("session", "s2")])
    assert epochs._since(0, 1) is None


def test_the_name_of_a_gateway_is_a_name_and_nothing_else(epochs: PostgresEpochs) -> None:
    name = "o'hara\\'; -- %s {0}"
    for _ in range(2):
        assert epochs.ask(name, holds=0).epoch == 0
    assert set(epochs.confirmations().gateways) == {name}
