"""Every process of the stack may die at any moment; the others go on, and nothing acknowledged is lost."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from city.supervisor import free_ports
from tests.faults.faults import alive, events, report
from tests.faults.visitor import ask, eventually, key
from tests.journeys.running_city import ROOT
from tests.stack.breaking import Browser, at, down, environment, everywhere, killed, members, ready, whole
from tests.stack.clicks import Clicks
from tests.stack.leading import leader, writes_the_log

PORTAL = "marriage"
HARMLESS = {
    "gateway-1": 1,
    "gateway-2": 1,
    "gateway-3": 1,
    "control": 0,
    "sequencer": 0,
    "clock": 0,
}  # clicks that fail


@pytest.mark.parametrize("name", [*HARMLESS, "nginx", PORTAL])
def test_a_killed_process_is_back_and_no_answer_lost_its_record(city, name) -> None:
    """fault: kill -9 of a gateway, control, sequencer, clock, nginx or a portal under clicks — at most one click fails with a gateway, none with control, sequencer or clock; started again; every answer has its record."""
    browser = Browser(city).signed_in("wang")
    with Clicks(city, key(city, "wang")) as clicks:
        eventually(clicks.more(5))
        print(f"{name}: ready again after {killed(city, name):.1f} s")
        eventually(clicks.more(5))
    print(
        f"{name}: {len(clicks.failed())} of {len(clicks.all)} clicks failed: {[one.status for one in clicks.failed()]}"
    )
    assert {one.status for one in clicks.failed()} <= {0, 502, 503}
    assert len(clicks.failed()) <= HARMLESS.get(name, len(clicks.all))
    eventually(lambda: everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3)
    eventually(lambda: not clicks.unrecorded(events(city)))
    assert report(city).status == "intact"


def test_without_control_the_portals_go_on_and_the_desks_wait(city) -> None:
    """fault: control down — the desks are 503, portals and sign-ins go on; back by itself."""
    with down(city, "control"):
        assert ask(city, "console", "GET", "/api/v1/sessions", key(city, "wang")).status == 503
        assert Browser(city).sign_in("wang").status == 200
    eventually(lambda: ask(city, "console", "GET", "/api/v1/sessions", key(city, "wang")).status == 200)


def test_a_receipt_waits_for_no_dead_gateway(city) -> None:
    """fault: a gateway down while a role is given and taken back — the receipt waits until its lease has run out and then counts the others; 4 of 4 once it is back."""
    eventually(lambda: [_counted(one) for one in _receipts(city)] == [(4, 4)] * 2)  # those killed before are forgotten
    with down(city, "gateway-2"):
        told = _receipts(city)
    print(f"dead for a moment: {told[0]}; for longer: {told[1]}")
    assert _counted(told[0]) in ((3, 3), (3, 4))
    assert _counted(told[1]) == (3, 3)
    eventually(lambda: whole(city))
    again = _receipts(city)
    assert [_counted(one) for one in again] == [(4, 4)] * 2
    assert all(one["seconds"] < 3 for one in told + again), "a lease is one second"


def _counted(receipt: dict) -> tuple[int, int]:
    return receipt["confirmed"], receipt["live"]


def _receipts(city) -> list[dict]:
    """Of a role that is given, and taken back."""
    status, given = city.assign("qian", "zhao")
    assert status == 201, given
    return [given["receipt"], _taken_back(city, given)]


def _taken_back(city, assignment) -> dict:
    path = f"/api/v1/departments/civil/people/{city.subject('zhao')}/assignments/{assignment['id']}"
    status, told = city.ask("qian", "DELETE", path)
    assert status == 200, told
    return dict(told["receipt"])


@contextlib.contextmanager
def second(city, office: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another candidate for an office, started by hand."""
    told = environment(members(city)[office])
    (port,) = free_ports(1)
    told |= {"CITYGATE_NAME": f"{office}-2", "CITYGATE_OPERATIONS_PORT": str(port)}
    number = members(city)[office]
    command = Path(f"/proc/{number}/cmdline").read_text().split("\0")[:-1]
    with open(city.data.parent / "logs" / f"{office}-2.log", "ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("office", ["sequencer", "clock"])
def test_another_candidate_takes_over_and_never_works_beside_the_first(city, office) -> None:
    """fault: the leading sequencer or clock is killed while another stands by — the other takes over; never both at once; the first stands by when it is back."""
    first = members(city)[office]
    eventually(lambda: leader(city, office) == first)
    with second(city, office) as other:
        time.sleep(3)  # it has started, and tried
        assert leader(city, office) == first
        assert not writes_the_log(city, other.pid)
        began = time.monotonic()
        with down(city, office):
            eventually(lambda: leader(city, office) == other.pid, 20)
            print(f"{office}: another leads {time.monotonic() - began:.1f} s after the signal")
            _check_work(city, office)
        eventually(lambda: ready(city, office)[0] == 200)
        time.sleep(1)  # it is back, and has tried
        back = members(city)[office]
        assert back != first
        assert leader(city, office) == other.pid
        assert not writes_the_log(city, back)
    eventually(lambda: leader(city, office) == back, 20)
    _check_work(city, office)
    assert report(city).status == "intact"


def _check_work(city, office: str) -> None:
    """What is recorded now is in the log soon; the clock's own requests are among it, one by one."""
    known = {event.id for event in events(city)}
    page = f"/certificates/{office}-{time.monotonic_ns()}"
    ask(city, "marriage", "GET", page, key(city, "wang"))

    def done() -> bool:
        new = [event for event in events(city) if event.id not in known]
        jobs = [event for event in new if event.object.endswith("/jobs/issuer-changes")]
        return any(event.object == f"/marriage{page}" for event in new) and (office != "clock" or bool(jobs))

    eventually(done, 20)


def test_a_sequencer_that_hangs_delays_the_log_and_nothing_else(city) -> None:
    """fault: the leading sequencer hangs (SIGSTOP) — requests go on, recorded in their spools; the log waits for it, nobody works beside it, and is whole again when it goes on."""
    number = members(city)["sequencer"]
    os.kill(number, signal.SIGSTOP)
    try:
        assert ask(city, "marriage", "GET", "/certificates/17", key(city, "wang")).status == 200
        assert at(city, "gateway-1", "marriage", "GET", "/certificates/17", key(city, "wang")).status == 200
        assert alive(number)
    finally:
        os.kill(number, signal.SIGCONT)
    _check_work(city, "sequencer")
    assert report(city).status == "intact"
