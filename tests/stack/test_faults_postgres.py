"""PostgreSQL is away: what cannot be decided freshly is not done, and everything is back by itself."""

import signal
import time

import pytest

from tests.faults.faults import events, report
from tests.faults.visitor import ask, eventually, host_of, key
from tests.stack.breaking import GATEWAYS, OURS, Browser, at, down, everywhere, members, ready, whole
from tests.stack.leading import leader


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "stopped"])
def test_without_postgres_only_what_has_a_grace_is_read(city, how) -> None:
    """fault: PostgreSQL killed, or stopped — labels ≥ 3, writes and sign-ins 503 within the lease; graced reads say stale; all back by itself, leaders too."""
    browser, before = Browser(city).signed_in("wang"), {name: members(city)[name] for name in OURS}
    wang = key(city, "wang")
    for credential in (browser.credential, wang):  # each gateway has met her
        assert everywhere(city, "marriage", "/", credential) == [200] * 3
    known = {event.id for event in events(city)}
    began = time.monotonic()
    with down(city, "postgres", how):
        eventually(lambda: _codes(city, "GET", "/certificates/17", browser.credential) == {(503, "lease-lost")}, 10)
        print(f"closed {time.monotonic() - began:.1f} s after the signal")
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{host_of(city, 'marriage')}"}
        assert _codes(city, "POST", "/applications", browser.credential | form) == {(503, "lease-lost")}
        # a key is looked up again after four seconds, a session is not: its holder may go on reading what has a grace
        assert _codes(city, "GET", "/certificates/17", wang) <= {(503, "lease-lost"), (503, "storage-unavailable")}
        assert _codes(city, "GET", "/files/1", browser.credential) == {(503, "lease-lost")}, "no grace declared"
        assert _codes(city, "GET", "/.citygate/login", {}) == {(503, "lease-lost")}
        assert _codes(city, "GET", "/", key(city, "sun")) == {(503, "storage-unavailable")}, "not looked up before"
        assert everywhere(city, "marriage", "/", browser.credential) == [200] * 3
        assert all(ready(city, name)[0] == 503 for name in GATEWAYS)
    began = time.monotonic()
    eventually(lambda: whole(city))
    print(f"whole after {time.monotonic() - began:.1f} s")
    assert everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3
    assert {name: members(city)[name] for name in OURS} == before, "nobody was started again"
    eventually(lambda: leader(city, "sequencer") and leader(city, "clock"))
    eventually(lambda: sum(bool(event.detail.get("stale")) for event in events(city) if event.id not in known) >= 3)
    assert report(city).status == "intact"


def _codes(city, method: str, path: str, headers: dict[str, str]) -> set[tuple[int, str]]:
    """What the gateways say, each asked by itself."""
    answers = [at(city, name, "marriage", method, path, headers, "" if method == "POST" else None) for name in GATEWAYS]
    return {(one.status, one.json()["code"] if one.status >= 400 else "") for one in answers}


def test_nothing_that_was_acknowledged_is_lost_with_postgres(city) -> None:
    """fault: PostgreSQL killed right after a sign-out was acknowledged — it is still signed out when PostgreSQL is back."""
    browser = Browser(city).signed_in("wang")
    assert ask(city, "console", "DELETE", "/api/v1/sessions", key(city, "wang")).status == 200
    with down(city, "postgres"):
        assert 200 not in everywhere(city, "marriage", "/", browser.credential)
    eventually(lambda: everywhere(city, "marriage", "/whoami", browser.credential) == [401] * 3)
