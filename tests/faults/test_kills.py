"""Every process may die at any moment: nothing acknowledged is lost, and the city comes back by itself."""

import os
import random
import signal
import time

import pytest

from tests.faults.faults import alive, children, events, need, pid, report, stopped, traced
from tests.faults.load import Load
from tests.faults.visitor import ask, eventually, key, ready


def well(city) -> bool:
    return ready(city).get("status") == "200" and ask(city, "marriage", "GET", "/certificates/17", key(city, "wang")).status == 200


@pytest.mark.parametrize("name", ["city", "issuer", "marriage"])
def test_a_killed_process_is_started_again_and_no_answer_lost_its_record(city, wang, name) -> None:
    """fault: kill -9 of the city, the issuer or a portal under load — started again by the supervisor; sessions live."""
    with Load(city) as load:
        eventually(lambda: len(load.delivered) > 5)
        time.sleep(random.uniform(0, 0.3))
        before = pid(city, name)
        os.kill(before, signal.SIGKILL)
        eventually(lambda: children(city.process.pid).get(name, before) != before and well(city))
        seen = len(load.delivered)
        eventually(lambda: len(load.delivered) > seen + 5)
    assert wang.ask("marriage", "GET", "/").status == 200  # the cookie from before
    assert load.statuses <= {404, 502, 503}, "the portal's own, or a documented refusal"
    eventually(lambda: not load.unrecorded(events(city)))
    assert report(city).status == "intact"


def test_what_was_not_synced_is_lost_without_an_acknowledged_record(city, home, wang) -> None:
    """fault: power cut, every byte that no fdatasync covered is dropped — intact, every acknowledged record is there."""
    need("strace", root=True)
    for _ in range(5):
        cut = _power_cut(city, home)
        assert report(city).status == "intact"
        if cut:
            return
    pytest.fail("no attempt had anything unsynced")


def _power_cut(city, home) -> int:
    """Kill the city under load, and cut its spool to what was durable; how many bytes that took away."""
    spool = home / "audit/spools/city"
    with Load(city) as load, stopped(city.process.pid):
        number = pid(city, "city")
        sizes = {path.name: path.stat().st_size for path in spool.glob("*.segment")}
        with traced(number, "write,fdatasync") as lines:
            grown = {path.name: path.stat().st_size for path in spool.glob("*.segment")}
            eventually(lambda: len(load.delivered) > 10)
            time.sleep(random.uniform(0, 0.3))
            os.kill(number, signal.SIGKILL)
            eventually(lambda: not alive(number))
    raise NotImplementedError(sizes, grown, lines)
