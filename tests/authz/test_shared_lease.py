"""The lease over PostgreSQL: after a receipt no gateway decides by what was before, however late the database is."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz.lease import receipt
from storage import store
from storage.database import Database
from storage.epoch import Confirmations, EpochSource
from storage.shared_epoch import PostgresEpochs
from tests.authz.lease_simulation import Sim, request
from tests.authz.test_lease import Gateway, reload, until
from tests.bounds import run_beside

_STEP = """
import os, signal, sys, time
from storage.database import Database
from storage.shared_epoch import PostgresEpochs
database = Database(sys.argv[1])
with database.transaction() as connection:
    PostgresEpochs(database, monotonic=time.monotonic).bump(connection, [("session", "s1")])
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    made = Database(postgres_url)
    yield made
    until(lambda: not any(one.name.startswith("lease") for one in threading.enumerate()))  # a last question under way
    made.close()


class SharedSim(Sim):
    """Each gateway asks by a source of its own; whoever waits for receipts has another, whose reading may take long."""

    observe_seconds = 0.05
    pauses = (0, 0, 0, 0, 0, 0, 0, 0.02, 0.7)
    bumps = 0.3

    def __init__(self, random: Random, database: Database, observer: type[PostgresEpochs] = PostgresEpochs) -> None:
        super().__init__(random)
        with database.transaction() as connection:
            for table in (store.gateway, store.epoch_change):
                connection.execute(table.delete())
            connection.execute(store.epoch.update().values(epoch=0, known_from=0))
        self.database = database
        self.sources = {name: PostgresEpochs(database, monotonic=self.clock()) for name in self.gateways}
        self.source = observer(database, monotonic=self.late(self.clock()))  # type: ignore[assignment]

    def late(self, clock: Callable[[], float]) -> Callable[[], float]:
        """Between a look at the clock and what comes after it, the others go on."""

        def told() -> float:
            before = self.random.random() < 0.5
            if before:
                self.run(self.now + self.pause())
            now = clock()
            if not before:
                self.run(self.now + self.pause())
            return now

        return told

    def pause(self) -> float:
        return self.random.choice([0] * 16 + [0.02, 0.3, 0.9])

    def source_of(self, name: str) -> EpochSource:
        return self.sources[name]

    def step(self) -> int:
        with self.database.transaction() as connection:
            return self.sources["gateway-0"].bump(connection, [("policy", "")])


class FirstSight(PostgresEpochs):
    """Broken: a grant that was renewed is thought to be the first one."""

    def _sight(self, name: str, grants: int, now: float) -> Any:
        return self._seen.get(name) or super()._sight(name, grants, now)


class LateAt(PostgresEpochs):
    """Broken: what was read is judged by a later clock."""

    def confirmations(self) -> Confirmations:
        seen = super().confirmations()
        return Confirmations(at=self._monotonic() + 1.0, epoch=seen.epoch, gateways=seen.gateways)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_after_the_receipt_nobody_decides_by_an_older_snapshot(database: Database, seed: int) -> None:
    assert SharedSim(Random(seed), database).play(5).violations == []


@pytest.mark.parametrize("broken", [FirstSight, LateAt])
def test_the_simulation_catches_what_would_break_the_law(database: Database, broken: type[PostgresEpochs]) -> None:
    assert any(SharedSim(Random(seed), database, broken).play(6).violations for seed in range(20))


def test_gateways_of_several_processes_confirm_and_a_silent_one_costs_its_lease(database: Database) -> None:
    sources = [PostgresEpochs(database, monotonic=time.monotonic) for _ in range(3)]
    with Gateway(sources[0], "gateway-1", reload) as one, Gateway(sources[1], "gateway-2", reload) as two:
        with database.transaction() as connection:
            epoch = sources[2].bump(connection, [("subject", "user:li")])
        given_ = receipt(sources[2], epoch)
        assert (given_.confirmed, given_.live) == (2, 2)
        assert [each.decider.decide(request()).decision.version for each in (one, two)] == [epoch, epoch]
        with database.transaction() as connection:
            sources[2].ask("dead", holds=epoch)
        with database.transaction() as connection:
            epoch = sources[2].bump(connection, [("subject", "user:li")])
        given_ = receipt(sources[2], epoch)
        assert (given_.confirmed, given_.live) == (2, 3)
        assert 0.9 < given_.seconds < 1.6
        assert one.troubles == two.troubles == []


@pytest.mark.parametrize(("when", "counted"), [("before", 0), ("after", 1)])
def test_a_process_killed_around_its_commit_is_learned_of_exactly_when_it_committed(
    database: Database, postgres_url: str, when: str, counted: int
) -> None:
    """Nobody gave a hint: the question a quarter of a second later is enough."""
    with Gateway(PostgresEpochs(database, monotonic=time.monotonic), "gateway-1", reload) as gateway:
        command = [sys.executable, "-c", _STEP, postgres_url, when]
        killed = subprocess.run(command, check=False, cwd=Path(__file__).parents[2], timeout=120)
        assert killed.returncode == -signal.SIGKILL
        if counted:
            until(lambda: gateway.decider.snapshot.epoch == 1)
        time.sleep(0.6)
        assert gateway.decider.fresh()  # the dead one's lock keeps nobody waiting
        assert gateway.decider.snapshot.epoch == counted


def test_the_lease_survives_no_stopped_client_that_holds_the_lock_and_is_back_when_it_is_gone(
    database: Database, postgres_url: str
) -> None:
    """Whoever sleeps between its step and its commit closes the city, and is thrown out by the database."""
    stopped = _STEP.replace(
        'if sys.argv[2] == "before":\n        os.kill(os.getpid(), signal.SIGKILL)',
        "os.kill(os.getpid(), signal.SIGSTOP)",
    )
    with Gateway(PostgresEpochs(database, monotonic=time.monotonic), "gateway-1", reload) as gateway:
        command = [sys.executable, "-c", stopped, postgres_url, "-"]
        with run_beside(command, cwd=Path(__file__).parents[2]) as asleep:
            until(lambda: os.waitpid(asleep.pid, os.WUNTRACED | os.WNOHANG) != (0, 0))
            until(lambda: not gateway.decider.fresh())
            until(gateway.decider.fresh)
            assert gateway.decider.snapshot.epoch == 0  # rolled back
            asleep.kill()


def test_who_is_thrown_out_by_the_database_asks_again(database: Database, postgres_url: str) -> None:
    with Gateway(PostgresEpochs(database, monotonic=time.monotonic), "gateway-1", reload) as gateway:
        for _ in range(3):
            terminate_others(database, postgres_url)
            before = gateway.decider._until
            until(lambda before=before: gateway.decider._until > before + 0.5)
        assert gateway.decider.fresh()


def terminate_others(database: Database, url: str) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
    with database.transaction() as connection:
        connection.execute(sa.text(others), {"name": url.rpartition("/")[2]})
