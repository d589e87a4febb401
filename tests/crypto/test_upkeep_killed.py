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
from tests.crypto.house import House
from tests.crypto.life import Life, states
from tests.idp.people import town

ROOT = Path(__file__).parents[2]
_CHILD = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.crypto.house import House
from tests.idp.people import town, NOW
from storage.database import Database
from idp.directory import Directory
from tests.idp.people import Town
from storage.ephemeral import DatabaseEphemeral
from crypto.reseal import Column
url, point = sys.argv[1:]
database = Database(url)
city = Town(url, database, Directory(database, issuers={{"http://i": "local"}}))
house = House(city, DatabaseEphemeral(database, clock=city.clock))
seal = house.seal()
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
    retire = house.keyring.retire
    house.keyring._count_change = lambda *a: die()  # inside the transaction, before its commit
    house.run(house.upkeep(seal, linger=0))
elif point.startswith("swap"):
    house.run(house.upkeep(seal, effective=effective))
else:
    house.keyring.rotate(house.keyring.key("city", "platform"), house.act(), effective=effective)
print("survived")
"""


@pytest.mark.parametrize("point", ["effective 1", "effective 2", "swap 0", "swap 3", "retire"])
def test_kill_9_in_the_middle_leaves_nothing_unreadable_and_the_next_run_finishes(
    database_url: str, tmp_path: Path, point: str
) -> None:
    """fault: kill -9 while a key's version is made, sealed anew or retired — everything sealed still opens; the next run finishes."""
    with town(database_url) as city:
        city.add("li", "wang")
        house = House(city, DatabaseEphemeral(city.database, clock=city.clock)).founded()
        seal = house.seal()
        life = Life(house, seal)
        life.begin(3)
        if point.startswith(("swap", "retire")):
            house.rotate("platform", "city", seal)
        child = subprocess.run(
            [sys.executable, "-c", _CHILD.format(root=str(ROOT)), database_url, point], cwd=ROOT, capture_output=True,
            text=True, check=False, timeout=60, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        assert (child.returncode, child.stdout) == (-signal.SIGKILL, ""), child.stderr
        life.all_is_well()
        seal.reload()
        life.all_is_well()
        work = house.upkeep(seal)
        house.run(work)
        life.begin(1)
        city.clock.add(minutes=11)
        with city.database.transaction() as connection:
            connection.execute(sa.update(identity_store.session).values(seen_at=city.clock()))
        house.run(work)
        seal.reload()
        assert states(house) == [State.RETIRED, State.ACTIVE]
        life.all_is_well()
