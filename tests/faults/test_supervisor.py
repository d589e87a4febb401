"""Starting and stopping: nothing outlives its city, nothing is lost between two, and nothing secret was written down."""

import os
import re
import signal
import time

from tests.faults.faults import alive, children, events, report
from tests.faults.visitor import Browser, ask, eventually, key, port_of, ready
from tests.journeys.running_city import command

SHORTEST_SECRET = 16  # characters; what is shorter is a number or a word


def everybody(city) -> set[int]:
    """Every process of a city, the supervisor included."""
    return {city.process.pid, *children(city.process.pid).values()}


def test_a_city_is_up_once(city, home) -> None:
    """fault: a second `up` on the same data — exit 5, and the first goes on."""
    second = command("up", "--json", data=home)
    assert (second.returncode, second.stdout) == (5, "")
    assert "up already" in second.stderr
    assert ready(city)["status"] == "200"


def test_nothing_outlives_a_killed_supervisor_and_the_next_up_finds_everything(city, again, home, monkeypatch) -> None:
    """fault: kill -9 of the supervisor — every process ends; commands start a city of their own; the next `up` goes on."""
    browser = Browser(city)
    browser.sign_in("wang")
    numbers, known = everybody(city), {event.id for event in events(city)}
    assert len(numbers) >= 6
    city.process.kill()
    city.process.wait(30)
    eventually(lambda: not any(map(alive, numbers)))
    assert report(city).status == "intact"
    monkeypatch.setenv("CITYGATE_PORT", str(port_of(city)))
    told = command("session", "end-all", "--as", "chu", "--json", data=home)
    assert told.returncode == 0, told.stderr
    browser.city = city = again()
    assert browser.ask("marriage", "GET", "/").status == 200, "the cookie from before"
    assert known <= {event.id for event in events(city)}
    assert report(city).status == "intact"


def test_ctrl_c_ends_everything(city, again) -> None:
    """fault: Ctrl-C, with a stream open — every process ends, exit 0 or 130; the next `up` is soon there."""
    numbers = everybody(city)
    known = {event.id for event in events(city)}
    city.process.send_signal(signal.SIGINT)
    assert city.process.wait(60) in (0, 130)
    eventually(lambda: not any(map(alive, numbers)))
    assert report(city).status == "intact"
    begun = time.monotonic()
    city = again()
    print(f"ready after {time.monotonic() - begun:.1f} s")
    assert ask(city, "marriage", "GET", "/certificates/17", key(city, "wang")).status == 200
    assert known <= {event.id for event in events(city)}


def test_nothing_secret_was_ever_written_down(city, home) -> None:
    """fault: after everything in this folder — no password, code, cookie, key, token is in a file, a log or an argv."""
    browser = Browser(city)
    browser.sign_in("wang", assurance=3)
    browser.submit(browser.ask("marriage", "GET", "/.citygate/logout"), "marriage", {})
    people = city.facts["people"]
    secrets = {p["password"] for p in people} | {p["totp_secret"] for p in people} | Browser.secrets
    secrets |= {key(city, p["login"])["Authorization"].removeprefix("Bearer ") for p in people}
    needles = {secret.encode() for secret in secrets if len(secret) >= SHORTEST_SECRET}
    assert len(needles) > 40
    codes = [re.compile(rb'["= ]%s["&\s]' % code.encode()) for code in Browser.codes]
    read = 0
    for path in sorted(home.rglob("*")):
        if path.is_file():
            data, read = path.read_bytes(), read + 1
            assert [needle for needle in needles if needle in data] == [], path
            if path.suffix != ".db":
                assert [code for code in codes if code.search(data)] == [], path
    assert read > 20
    for number in everybody(city):
        line = os.path.join("/proc", str(number), "cmdline")
        with open(line, "rb") as file:
            argv = file.read()
        assert [needle for needle in needles if needle in argv] == []
    told = home.with_name("people.json").read_bytes()
    assert [needle for needle in needles if needle in told], "what the founding told, the search does find"
