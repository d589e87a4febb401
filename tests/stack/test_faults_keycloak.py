"""Keycloak is away, hangs, errs, or somebody changes something in it: nobody new gets in, and what was taken away counts."""

import base64
import contextlib
import http.client
import http.server
import json
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.clock_job import ISSUER_CHANGES, PERIODS_SECONDS
from idp.issuer import COOL_DOWN_SECONDS
from idp.keycloak.realm import REALM
from idp.logout_token import EVENT
from tests.faults.visitor import COOKIE, eventually, host_of, key, origin, port_of
from tests.stack.breaking import (
    Browser,
    administered,
    database,
    down,
    everywhere,
    hanging,
    issuer,
    keycloak_port,
)

JSON = {"Accept": "application/json"}
SIDS = "SELECT sid FROM session WHERE ended_at IS NULL"
NETWORKS, FORGED = 100, 100
LONG_AGO = "UPDATE session SET checked_at = checked_at - interval '6 minutes' WHERE ended_at IS NULL"


class _BadGateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(502)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering_502(city) -> Iterator[None]:
    """Keycloak is told to stop, and something else that always answers 502 takes its place."""
    with down(city, "keycloak", signal.SIGTERM):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", keycloak_port(city)), _BadGateway)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


FAULTS = {
    "killed": lambda city: down(city, "keycloak"),
    "hangs": lambda city: hanging(city, "keycloak"),
    "502": answering_502,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_without_keycloak_nobody_new_gets_in_and_sessions_go_on_until_their_next_check(city, fault) -> None:
    """fault: Keycloak killed, hanging (SIGSTOP), or answering 502 — sign-in is a 502–504 page; sessions go on until their next check (≤ 5 min), then 503 with the cookie kept; valid again when it is back."""
    browser = Browser(city).signed_in("wang")
    time.sleep(2)  # killed, its own file database forgets what is younger than half a second
    with FAULTS[fault](city):
        assert everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3
        fresh = Browser(city)
        page, _ = fresh.follow(fresh.ask("marriage", "GET", "/", seconds=60), "marriage")
        assert page.status in (502, 503, 504)
        assert COOKIE not in fresh.jars["marriage"]
        with database(city) as connection:
            connection.execute(LONG_AGO)
        # whom a gateway looked up within the last ten seconds it does not look up again
        eventually(lambda: everywhere(city, "marriage", "/whoami", browser.credential) == [503] * 3, 30)
        refused = browser.ask("marriage", "GET", "/whoami", headers=JSON)
        assert (refused.status, refused.headers["set-cookie"]) == (503, None)
        assert refused.json()["code"] == "issuer-unavailable"
        assert refused.headers["retry-after"]
        assert everywhere(city, "marriage", "/whoami", key(city, "wang")) == [200] * 3
    began = time.monotonic()
    eventually(lambda: issuer(city) == 200, 90)
    eventually(lambda: everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3)
    print(f"{fault}: valid again {time.monotonic() - began:.1f} s after the fault ended")
    assert Browser(city).sign_in("wang").status == 200


def test_a_rotated_signing_key_is_taken_within_seconds(city) -> None:
    """fault: Keycloak signs with a new key — sign-ins go on after the cool-down; sessions live."""
    browser = Browser(city).signed_in("wang")
    with administered(city) as admin:
        realm = admin.get(REALM)["id"]
        kind = "org.keycloak.keys.KeyProvider"
        made = {"name": "rotated", "providerId": "rsa-generated", "providerType": kind, "parentId": realm,
                "config": {"priority": ["1000"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"]}}  # fmt: skip
        before = {one["kid"] for one in admin.get(f"{REALM}/keys")["keys"]}
        identifier = admin.post(f"{REALM}/components", made)
        try:
            assert {one["kid"] for one in admin.get(f"{REALM}/keys")["keys"]} - before
            began = time.monotonic()
            eventually(lambda: Browser(city).sign_in("wang").status == 200, 30)
            print(f"signed in with the new key after {time.monotonic() - began:.1f} s")
            assert everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3
        finally:
            admin.delete(f"{REALM}/components/{identifier}")
    eventually(lambda: Browser(city).sign_in("wang").status == 200, 30)


def test_somebody_disabled_in_keycloak_is_out_within_ten_seconds(city) -> None:
    """fault: somebody is disabled in Keycloak's own administration — refused at every gateway within 10 s, and no sign-in; others stay."""
    her, other = Browser(city), Browser(city)
    eventually(lambda: her.sign_in("sun").status == 403 and COOKIE in her.jars["marriage"], 20)
    other.signed_in("wang")
    with administered(city) as admin:
        (account,) = admin.get(f"{REALM}/users", username="sun", exact="true")
        assert everywhere(city, "marriage", "/", her.credential) == [403] * 3, "known, and without a role"
        began = time.monotonic()
        admin.put(f"{REALM}/users/{account['id']}", account | {"enabled": False})
        try:
            eventually(lambda: everywhere(city, "marriage", "/", her.credential) == [401] * 3, 30)
            took = time.monotonic() - began
            print(f"disabled → refused at all three after {took:.1f} s")
            assert took < 10
            assert everywhere(city, "marriage", "/", key(city, "sun")) == [401] * 3, "her access key, too"
            again = Browser(city)
            again.sign_in("sun")
            assert COOKIE not in again.jars["marriage"]
        finally:
            admin.put(f"{REALM}/users/{account['id']}", account)
    assert everywhere(city, "marriage", "/", her.credential) == [401] * 3, "who was ended stays so"
    assert everywhere(city, "marriage", "/whoami", other.credential) == [200] * 3


def test_a_session_that_ends_in_keycloak_ends_here(city) -> None:
    """fault: a session is ended in Keycloak's own administration — back-channel logout: refused at every gateway within 2 s; her other sign-ins stay."""
    ended, other = Browser(city), Browser(city)
    other.signed_in("wang")
    with database(city) as connection, administered(city) as admin:
        known = {sid for (sid,) in connection.execute(SIDS)}
        ended.signed_in("wang")
        assert everywhere(city, "marriage", "/whoami", ended.credential) == [200] * 3
        (sid,) = {sid for (sid,) in connection.execute(SIDS)} - known
        admin.get(REALM)  # it is signed in
        began = time.monotonic()
        admin.delete(f"{REALM}/sessions/{sid}")  # answers when everybody was told
        answered = time.monotonic()
        eventually(lambda: everywhere(city, "marriage", "/whoami", ended.credential) == [401] * 3, 2)
    took = time.monotonic() - began
    print(f"ended at Keycloak, which answered after {answered - began:.2f} s; refused at all three after {took:.2f} s")
    assert everywhere(city, "marriage", "/whoami", other.credential) == [200] * 3


def test_a_flood_of_unknown_keys_costs_the_issuer_nothing(city) -> None:
    """fault: 10 000 logout tokens from 100 networks, signed with keys nobody knows — each is 400; Keycloak is asked for its keys at most once per cool-down (10 s); real sign-outs go on."""
    began, before = time.monotonic(), connections(keycloak_port(city))
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(_forged, city, f"127.0.{number}.1") for number in range(1, NETWORKS + 1)]
        seen = set(before)
        while not all(one.done() for one in sent):
            seen |= connections(keycloak_port(city))  # one that is over stays visible for a minute
            time.sleep(0.5)
    took, made = time.monotonic() - began, len(seen - before)
    told = Counter(one for some in sent for one in some.result())
    print(f"{dict(told)} in {took:.0f} s; connections to Keycloak: {made}")
    assert told == {400: NETWORKS * FORGED}
    cool_downs, looks = took // COOL_DOWN_SECONDS + 1, took // PERIODS_SECONDS[ISSUER_CHANGES] + 2
    assert made <= 2 * cool_downs + 2 * looks, "discovery and keys; the clock-job's look at what was changed"
    test_a_session_that_ends_in_keycloak_ends_here(city)


def _forged(city, source: str) -> list[int]:
    """Logout tokens in the name of keys that are made up, on one connection from `source`; the statuses."""
    now = int(time.time())
    claims = {"iss": f"{origin(city, 'login')}/realms/{REALM}", "aud": "citygate", "iat": now, "exp": now + 60,
              "jti": "j", "sid": "s", "events": {EVENT: {}}}  # fmt: skip
    body, found = _part(claims), []
    headers = {"Host": host_of(city, "console"), "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection("127.0.0.1", port_of(city), timeout=30, source_address=(source, 0))
    with contextlib.closing(connection):
        for _ in range(FORGED):
            head = _part({"alg": "RS256", "typ": "logout+jwt", "kid": secrets.token_urlsafe(16)})
            form = f"logout_token={head}.{body}.{secrets.token_urlsafe(256)}"
            connection.request("POST", "/.citygate/backchannel-logout", form, headers)
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
    return found


def _part(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def connections(port: int) -> set[frozenset[str]]:
    """Both ends of each connection to a port of loopback that is open, or was within the last minute."""
    rows = (line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {frozenset((one, other)) for one, other, state in rows
            if state != "0A" and f"{port:04X}" in (one.partition(":")[2], other.partition(":")[2])}  # fmt: skip
