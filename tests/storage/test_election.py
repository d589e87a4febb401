"""The election: one at a time leads, a death makes room at once, and without the database nobody leads."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storage.election import Election
from tests.bounds import line_in_time, run_beside
from tests.stack.parts import Server, postgres_running

_LEAD = """
import sys, time
from storage.election import Election
election = Election(sys.argv[1], "clock")
print(election.wins(), flush=True)
time.sleep(60)
"""


def test_one_leads_until_it_gives_up_and_offices_are_apart(postgres_url: str) -> None:
    first, second, other = (Election(postgres_url, name) for name in ("clock", "clock", "sequencer"))
    assert [first.wins(), second.wins(), first.wins(), other.wins()] == [True, False, True, True]
    assert [first.leads(), second.leads()] == [True, False]
    first.close()
    assert [first.leads(), second.wins(), first.wins()] == [False, True, False]
    second.close()
    other.close()


def test_a_leader_that_is_killed_makes_room_at_once(postgres_url: str) -> None:
    with run_beside(
        [sys.executable, "-c", _LEAD, postgres_url], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as leader:
        assert leader.stdout is not None
        assert line_in_time(leader) == "True\n"
        mine = Election(postgres_url, "clock")
        assert not mine.wins()
        leader.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 5
        while not mine.wins():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        mine.close()


def test_who_lost_its_connection_does_not_lead_and_may_win_again(postgres_server: Server, postgres_url: str) -> None:
    election = Election(postgres_url, "clock")
    assert election.wins()
    with psycopg.connect(postgres_server.administrator(), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [
            postgres_url.rpartition("/")[2]
        ])  # fmt: skip
    assert not election.leads()
    assert election.wins()
    election.close()


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    with postgres_running() as server:
        yield server


def test_without_the_database_nobody_leads_and_afterwards_somebody_does(own_postgres: Server) -> None:
    url = own_postgres.fresh()
    election, other = Election(url, "clock"), Election(url, "clock")
    assert election.wins()
    own_postgres.stop(signal.SIGINT)
    assert not election.leads()
    assert not election.wins()
    own_postgres.start()
    assert other.wins()
    assert not election.wins()
    election.close()
    other.close()
