"""The clock-job killed in the middle of its work on keys: nothing is unreadable, and the next run finishes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from crypto.lifecycle import State
from idp import store as identity_store
from storage.ephemeral import DatabaseEphemeral
from tests.crypto.city_keyring import CityKeyring
from tests.crypto.sealed_state import SealedState, states
from tests.idp.people import city_with_people

ROOT = Path(__file__).parents[2]
_CHILD = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.crypto.city_keyring import CityKeyring
from storage.database import Database
from idp.directory import Directory
from tests.idp.people import CityWithPeople
from storage.ephemeral import DatabaseEphemeral
from crypto.reseal import Column
url, point = sys.argv[1:]
database = Database(url)
city = CityWithPeople(url, database, Directory(database, issuers={{"http://i": "local"}}))
city_keys = CityKeyring(city, DatabaseEphemeral(database, clock=city.clock))
seal = city_keys.seal()
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
calls = [0]
def effective(_epoch):
    calls[0] += 1
    if point == f"effective {{calls[0]}}":
        die()
    seal.reload()
if point.startswith("swap"):
    swap, left = Column.swap, [int(point.split()[1])]
    def counting(self, kept, sealed):
        if left[0] == 0:
            die()
        left[0] -= 1
        return swap(self, kept, sealed)
    Column.swap = counting
if point == "retire":
    retire = city_keys.keyring.retire
    city_keys.keyring._count_change = lambda *a: die()  # inside the transaction, before its commit
    city_keys.run(city_keys.upkeep(seal, linger=0))
elif point.startswith("swap"):
    city_keys.run(city_keys.upkeep(seal, effective=effective))
else:
    city_keys.keyring.rotate(city_keys.keyring.key("city", "platform"), city_keys.act(), effective=effective)
print("survived")
"""


@pytest.mark.parametrize("point", ["effective 1", "effective 2", "swap 0", "swap 3", "retire"])
def test_kill_9_in_the_middle_leaves_nothing_unreadable_and_the_next_run_finishes(
    database_url: str, tmp_path: Path, point: str
) -> None:
    """fault: kill -9 while a key's version is made, sealed anew or retired — everything sealed still opens; the next run finishes."""
    with city_with_people(database_url) as city:
        city.add("li", "wang")
        city_keys = CityKeyring(city, DatabaseEphemeral(city.database, clock=city.clock)).with_first_keys()
        seal = city_keys.seal()
        sealed_state = SealedState(city_keys, seal)
        sealed_state.begin(3)
        if point.startswith(("swap", "retire")):
            city_keys.rotate("platform", "city", seal)
        child = subprocess.run(
            [sys.executable, "-c", _CHILD.format(root=str(ROOT)), database_url, point], cwd=ROOT, capture_output=True,
            text=True, check=False, timeout=60, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        assert (child.returncode, child.stdout) == (-signal.SIGKILL, ""), child.stderr
        sealed_state.check_everything_opens()
        seal.reload()
        sealed_state.check_everything_opens()
        work = city_keys.upkeep(seal)
        city_keys.run(work)
        sealed_state.begin(1)
        city.clock.add(minutes=11)
        with city.database.transaction() as connection:
            connection.execute(sa.update(identity_store.session).values(seen_at=city.clock()))
        city_keys.run(work)
        seal.reload()
        assert states(city_keys) == [State.RETIRED, State.ACTIVE]
        sealed_state.check_everything_opens()
