"""The receipt of a revocation is a proof: nothing that began after it was allowed, at any gateway, by any of the records."""

import time

import pytest

from tests.faults.visitor import ask, eventually, key
from tests.stack.breaking import GATEWAYS, Browser, everywhere, recorded_by
from tests.stack.clicks import Clicks

VISITORS = 3


@pytest.mark.parametrize("what", ["session", "role"])
def test_no_click_that_began_after_the_receipt_is_allowed(city, what) -> None:
    """fault: none; a session or a role is taken away under constant clicks through three gateways — the last allowed click began before the receipt; later ones are refused at all three."""
    given: dict = {}
    if what == "role":
        assert everywhere(city, "marriage", "/", key(city, "zhao")) == [403] * 3, "she has no other role"
        status, given = city.assign("qian", "zhao")
        assert status == 201, given
    browser = Browser(city).signed_in("zhao" if what == "role" else "wang")
    with Clicks(city, browser.credential, path="/files/click-", visitors=VISITORS, gateways=GATEWAYS) as clicks:
        eventually(clicks.more(30))
        asked = time.monotonic()
        told = _revoked(city, given)
        received = time.monotonic()
        eventually(lambda: sum(one.began > received for one in clicks.all) >= 12 * len(GATEWAYS))
    assert (told["confirmed"], told["live"]) == (4, 4)
    allowed = clicks.allowed()
    print(f"{what}: receipt after {received - asked:.3f} s; the last allowed click began "
          f"{max(one.began for one in allowed) - asked:.3f} s after the request; {len(allowed)} allowed")  # fmt: skip
    assert max(one.began for one in allowed) < received
    later = [one for one in clicks.all if one.began > received]
    assert {one.status for one in later} == {403 if what == "role" else 401}
    eventually(lambda: {recorded_by(city, one.number) for one in later} == set(GATEWAYS))


def _revoked(city, given: dict) -> dict:
    if not given:
        return dict(ask(city, "console", "DELETE", "/api/v1/sessions", key(city, "wang")).json()["receipt"])
    path = f"/api/v1/departments/civil/people/{city.subject('zhao')}"
    status, told = city.ask("qian", "DELETE", f"{path}/assignments/{given['id']}")
    assert status == 200, told
    return dict(told["receipt"])
