"""Every process may die at any moment: nothing acknowledged is lost, and the city comes back by itself."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.faults import alive, children, events, pid, report, stopped, traced
from tests.faults.load import Load
from tests.faults.order import unsynced_bytes
from tests.faults.visitor import ask, eventually, key, ready
from tests.needs import need


def well(city) -> bool:
    certificate = ask(city, "marriage", "GET", "/certificates/17", key(city, "wang"))
    return ready(city).get("status") == "200" and certificate.status == 200


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


def test_what_was_not_synced_is_lost_without_an_acknowledged_record(city, home) -> None:
    """fault: power cut, every byte that no fdatasync covered is dropped — intact, every acknowledged record is there."""
    need("strace", root=True)
    for _ in range(8):
        with Load(city) as load, stopped(city.process.pid):
            eventually(lambda: len(load.delivered) > 5)
            cut_bytes = _power_cut(pid(city, "city"), home / "audit/spools/city")
        eventually(lambda: well(city))
        eventually(lambda: not load.unrecorded(events(city)))
        assert report(city).status == "intact"
        if cut_bytes:
            return
    pytest.fail("no attempt had anything unsynced")


def _power_cut(number: int, spool: Path) -> int:
    """Kill the process, and cut its spool to what was durable; how many bytes that took away."""
    with traced(number, "write,fdatasync") as lines:
        time.sleep(random.uniform(0.3, 0.6))
        os.kill(number, signal.SIGSTOP)
        seen = 0
        while seen != (seen := len(lines())):  # until no thread of it moves any more
            time.sleep(0.1)
    os.kill(number, signal.SIGKILL)  # only now: a tracer may lose a process that dies under it
    eventually(lambda: not alive(number))
    newest = max(spool.glob("*.segment"))
    bytes_ = unsynced_bytes(lines(), newest.name)
    os.truncate(newest, newest.stat().st_size - bytes_)
    return bytes_
