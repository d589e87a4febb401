"""What the door leans on breaks: each fault has one bounded, documented answer, and ends when the fault ends."""

import contextlib
import http.client
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.conftest import SPOOL_MEGABYTES
from tests.faults.faults import database, down, events, pid, report, stopped
from tests.faults.visitor import COOKIE, Browser, ask, eventually, host_of, key, port_of, ready
from tests.needs import need, not_run

PAGE = {"Accept": "text/html"}
CERTS = "/realms/city/protocol/openid-connect/certs"


def certificate(city) -> int:
    return ask(city, "marriage", "GET", "/certificates/17", key(city, "wang")).status


def test_a_portal_that_is_gone_is_a_502_page_with_its_number(city, wang) -> None:
    """fault: portal killed — 502 `upstream-unavailable` with the decision number, other portals go on; recovers."""
    with down(city, "marriage"):
        page = wang.ask("marriage", "GET", "/")
        problem = ask(city, "marriage", "GET", "/certificates/17", key(city, "wang"))
        assert ask(city, "housing", "GET", "/certificates/17", key(city, "wang")).status == 200
    assert (page.status, problem.status) == (502, 502)
    assert page.request_id.encode() in page.body
    assert b"<a" in page.body, "a way on"
    assert problem.json()["code"] == "upstream-unavailable"
    eventually(lambda: certificate(city) == 200)
    numbers = {page.request_id, problem.request_id}
    eventually(lambda: {e.id for e in events(city) if e.status == 502} >= numbers)


def test_whatever_hangs_is_bounded_and_stops_nobody_else(city, wang) -> None:
    """fault: portal and issuer hang (SIGSTOP) — 504 after the route's deadline, a stream is broken off; others go on."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port_of(city), timeout=60)) as stream:
        stream.request("GET", "/events", headers={"Host": host_of(city, "marriage"), **key(city, "wang")})
        events_ = stream.getresponse()
        assert events_.readline() == b"id: 1\n"
        with stopped(pid(city, "marriage")), stopped(pid(city, "issuer")), ThreadPoolExecutor() as pool:
            late = pool.submit(wang.ask, "marriage", "GET", "/", seconds=60)
            sign_in = pool.submit(ask, city, "login", "GET", CERTS, PAGE, seconds=60)
            back = pool.submit(_callback, Browser(city))
            rest = pool.submit(_read_to_end, events_)
            assert ask(city, "housing", "GET", "/certificates/17", key(city, "wang")).status == 200
            assert ask(city, "console", "GET", "/api/v1/sessions", key(city, "wang")).status == 200
            assert ready(city)["status"] == "200"
            assert late.result().status == 504
            assert sign_in.result().status == 504
            assert back.result().status in (400, 503)
            assert rest.result() == "broken off"
    eventually(lambda: certificate(city) == 200)


def _callback(browser: Browser) -> object:
    """Come back from the issuer with a code that cannot be redeemed while it hangs."""
    start = browser.ask("marriage", "GET", "/.citygate/login?return_to=/", seconds=60)
    state = start.location.partition("state=")[2].partition("&")[0]
    iss = f"http%3A%2F%2F{host_of(browser.city, 'login').replace(':', '%3A')}%2Frealms%2Fcity"
    return browser.ask("marriage", "GET", f"/.citygate/callback?code=none&state={state}&iss={iss}", seconds=60)


def _read_to_end(answer: http.client.HTTPResponse) -> str:
    try:
        answer.read()
    except (OSError, http.client.HTTPException):
        return "broken off"
    return "whole"


def test_without_the_issuer_nobody_new_signs_in_and_nobody_is_signed_out(city, wang) -> None:
    """fault: issuer down — sessions go on; a new sign-in gets a page (502, or 503 `issuer-unavailable`); recovers."""
    with down(city, "issuer"):
        assert wang.ask("marriage", "GET", "/").status == 200
        assert certificate(city) == 200
        fresh = Browser(city)
        page, _ = fresh.follow(fresh.ask("marriage", "GET", "/"), "marriage")
        assert page.status in (502, 503)
        assert page.request_id
        redeemed = _callback(fresh)
        assert (redeemed.status, redeemed.headers["retry-after"]) == (503, "1")
        assert b"issuer-unavailable" in redeemed.body
        assert COOKIE not in fresh.jars["marriage"]
    eventually(lambda: ask(city, "login", "GET", CERTS).status == 200)
    assert Browser(city).sign_in("wang").status == 200


def test_a_full_disk_closes_the_door_until_there_is_room(city, home) -> None:
    """fault: the spool's disk is full — 503 `audit-unavailable` for everything, /readyz names the spool; recovers."""
    need("mount", root=True)
    spools, filler = home / "audit/spools", home / "audit/spools/filler"
    if not os.path.ismount(spools):
        not_run("no small file system can be mounted here")
    try:
        _fill(filler)
        eventually(lambda: certificate(city) == 503)
        for host, method, target in (
            ("marriage", "GET", "/"), ("marriage", "GET", "/certificates/17"), ("console", "GET", "/api/v1/sessions"),
            ("console", "DELETE", "/api/v1/sessions"), ("marriage", "GET", "/.citygate/logout"), ("marriage", "GET", "/none"),
        ):  # fmt: skip
            answer = ask(city, host, method, target, key(city, "wang"))
            assert (answer.status, answer.headers["retry-after"]) == (503, "1"), target
            assert answer.json()["code"] == "audit-unavailable"
        told = ready(city)
        assert told["status"] == "503"
        assert told["spool"] != "ok"
    finally:
        filler.unlink()
    eventually(lambda: certificate(city) == 200)
    eventually(lambda: ready(city)["status"] == "200")
    eventually(lambda: report(city).status == "intact")


def test_jobs_that_fail_time_after_time_are_told_by_readiness(city) -> None:
    """fault: the clock's access key runs out — /readyz says 503 and which jobs fail, the door goes on; recovers."""
    mine = "access_key WHERE subject = 'service:clock'"
    with database(city) as connection:
        connection.execute("PRAGMA busy_timeout = 5000")
        (until,) = connection.execute(f"SELECT expires_at FROM {mine}").fetchone()
        change = mine.replace(" ", " SET expires_at = ? ", 1)
        connection.execute(f"UPDATE {change}", ("2020-01-01 00:00:00.000000",))
        try:
            told = eventually(lambda: (it := ready(city)) and it["clock"] != "ok" and it, 90)
            assert (told["status"], told["clock"]) == ("503", "infra")
            assert certificate(city) == 200
        finally:
            connection.execute(f"UPDATE {change}", (until,))
    eventually(lambda: ready(city)["status"] == "200")


def _fill(path: Path) -> None:
    """Until nothing more fits, not even what was being written meanwhile."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for _ in range(SPOOL_MEGABYTES * 2):
            file.write(bytes(1 << 20))
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))


def test_a_city_that_slept_decides_nothing_on_its_old_lease(city) -> None:
    """fault: the city process stands still for longer than its lease — 503 `lease-lost` or a new lease; recovers."""
    port, line = (
        port_of(city),
        f"GET /certificates/17 HTTP/1.1\r\nHost: {host_of(city, 'marriage')}\r\nConnection: close\r\n",
    )
    request = line + "".join(f"{name}: {value}\r\n" for name, value in key(city, "wang").items()) + "\r\n"
    before = len(events(city))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        with stopped(pid(city, "city")):
            wire.sendall(request.encode())
            time.sleep(1.5)  # longer than LEASE_SECONDS
        head = wire.recv(65536)
    assert head.split()[1] in (b"200", b"503"), head
    eventually(lambda: certificate(city) == 200)
    woken = [e for e in events(city)[before:] if e.object == "/marriage/certificates/17" and e.result == "permit"]
    assert not any("stale" in e.detail for e in woken), "a lease, not a grace: label 3"


def test_a_revocation_that_cannot_be_read_closes_what_is_weighty(city) -> None:
    """fault: database locked after a revocation — labels ≥ 3 and writes 503 `lease-lost`; reads in grace say stale, and who asks is still found: reading waits for no writer."""
    person = next(p for p in _people(city) if p["login"] == "zhao")["id"]
    for _ in range(5):  # the lock must be taken between the commit and the gateway's look at it
        with _locked_after_revocation(city, person) as revoking:
            if _closed(city, "/certificates/17", "wang") and _check_closed(city):
                break
    else:
        pytest.fail("the lock always came too late")
    assert revoking.result()[0] in (200, 503)
    eventually(lambda: ask(city, "marriage", "GET", "/", key(city, "zhao")).status == 403)
    eventually(lambda: certificate(city) == 200)


def _people(city) -> list[dict[str, str]]:
    return ask(city, "console", "GET", "/api/v1/departments/civil/people", key(city, "qian")).json()["items"]


@contextlib.contextmanager
def _locked_after_revocation(city, person):
    """Zhao's role is taken back, and nobody can read that it was."""
    mine = f"/api/v1/departments/civil/people/{person}/assignments"
    json_ = {"Content-Type": "application/json", **key(city, "qian")}
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    role = {"role": "marriage-clerk", "clearance": 2, "expires_at": until, "reason": "fault"}
    given = ask(city, "console", "POST", mine, json_, json.dumps(role))
    assert given.status == 201, given.body
    eventually(lambda: ask(city, "marriage", "GET", "/", key(city, "zhao")).status == 200)
    certificate(city)  # whose keys these are stays known for some seconds without the database
    with database(city) as other, ThreadPoolExecutor() as pool:
        revoking = pool.submit(city.ask, "qian", "DELETE", f"{mine}/{given.json()['id']}")
        query = "SELECT revoked_at FROM assignment WHERE id = ?"
        while other.execute(query, (given.json()["id"],)).fetchone()[0] is None:
            pass
        with contextlib.suppress(Exception):
            other.execute("PRAGMA busy_timeout=50")
            other.execute("BEGIN IMMEDIATE")
        yield revoking
        if other.in_transaction:
            other.execute("ROLLBACK")


def _closed(city, path: str, login: str) -> bool:
    for _ in range(30):
        answer = ask(city, "marriage", "GET", path, key(city, login))
        if answer.status == 503:
            assert answer.json()["code"] == "lease-lost"
            return True
        time.sleep(0.05)
    return False


def _check_closed(city) -> bool:
    """Without a fresh lease; False if the key was forgotten by then, and could not be looked up."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{host_of(city, 'marriage')}"}
    write = ask(city, "marriage", "POST", "/applications", key(city, "wang") | form, "text=x")
    assert (write.status, write.headers["retry-after"]) == (503, "1")
    assert ask(city, "marriage", "GET", "/files/1", key(city, "wang")).status == 503, "no grace declared"
    before = {event.id for event in events(city)}
    graced = ask(city, "marriage", "GET", "/", key(city, "zhao"))
    if graced.status == 503:
        assert graced.json()["code"] == "storage-unavailable", graced.body
        return False
    assert graced.status == 200, "inside the route's grace"
    eventually(
        lambda: any(e.detail.get("stale") for e in events(city) if e.id not in before and e.object == "/marriage/")
    )
    assert ready(city)["lease"] != "ok"
    denied = ask(city, "marriage", "GET", "/", key(city, "sun"))
    assert denied.json()["code"] == "access-denied", "found, although nobody can write"
    return True
