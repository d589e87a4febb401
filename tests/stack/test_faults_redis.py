"""Redis is away or empty: nobody is let in who is not known, and nobody who was signed out comes back."""

import time

from redis import Redis

from storage.redis_stores import connect
from tests.catalogue.publishing_city import signed
from tests.faults.visitor import ask, csrf_of, eventually, key, origin
from tests.stack.breaking import Browser, at, down, environment, everywhere, hanging, members, ready, secret

JSON = {"Accept": "application/json"}


def memory(city) -> Redis:
    return connect(environment(members(city)["control"])["CITYGATE_REDIS"], secret(city, "redis"))


def closed(city, browser: Browser) -> None:
    """Everybody gets 503 by now, and keeps her cookie."""
    for credential in (browser.credential, key(city, "wang")):
        eventually(lambda credential=credential: everywhere(city, "marriage", "/whoami", credential) == [503] * 3, 10)
    refused = browser.ask("marriage", "GET", "/whoami", headers=JSON)
    assert (refused.status, refused.headers["retry-after"], refused.headers["set-cookie"]) == (503, "1", None)
    assert refused.json()["code"] in ("limits-unavailable", "ephemeral-unavailable")
    assert Browser(city).ask("marriage", "GET", "/.citygate/login?return_to=/").status == 503
    assert "shared counts out of reach" in ready(city, "gateway-1")[1]


def test_while_redis_is_paused_everybody_waits_and_nobody_is_signed_out(city) -> None:
    """fault: Redis hangs (SIGSTOP) — soon 503 with Retry-After for everybody, cookies are kept; valid again."""
    browser = Browser(city).signed_in("wang")
    began = time.monotonic()
    with hanging(city, "redis"):
        closed(city, browser)
        print(f"closed after {time.monotonic() - began:.1f} s")
    eventually(lambda: everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3)


def test_a_redis_that_was_killed_is_a_new_sign_in(city) -> None:
    """fault: Redis killed, empty when it is back — 503 meanwhile; then sign in again; access keys go on."""
    browser = Browser(city).signed_in("wang")
    with down(city, "redis"):
        closed(city, browser)
    # a gateway that looked her up within the last ten seconds still knows whose cookie it is
    eventually(lambda: everywhere(city, "marriage", "/whoami", browser.credential) == [401] * 3, 30)
    assert everywhere(city, "marriage", "/whoami", key(city, "wang")) == [200] * 3
    assert browser.sign_in("wang").status == 200
    assert everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3


def test_what_was_ended_stays_ended_whatever_redis_says(city) -> None:
    """fault: Redis flushed, and somebody puts old cookies back — sign in again; a session that was ended stays ended."""
    ended, goes_on = Browser(city), Browser(city)
    for browser in (ended, goes_on):
        browser.signed_in("wang")
    credential = ended.credential
    assert everywhere(city, "marriage", "/whoami", credential) == [200] * 3
    with memory(city) as redis:
        kept = {name: redis.dump(name) for name in redis.keys("citygate:cookie:*")}
        assert len(kept) >= 2
        form = {"csrf": csrf_of(ended.ask("marriage", "GET", "/.citygate/logout").body)}
        ended.ask("marriage", "POST", "/.citygate/logout", form, {"Origin": origin(city, "marriage")})
        assert everywhere(city, "marriage", "/whoami", credential) == [401] * 3
        redis.flushall()
        eventually(lambda: everywhere(city, "marriage", "/whoami", goes_on.credential) == [401] * 3, 30)
        for name, value in kept.items():
            redis.restore(name, 0, value)
    eventually(lambda: everywhere(city, "marriage", "/whoami", goes_on.credential) == [200] * 3)
    assert everywhere(city, "marriage", "/whoami", credential) == [401] * 3


def test_a_revocation_counts_although_redis_tells_nobody(city) -> None:
    """fault: a sign-out while Redis hangs — counts at every gateway by its receipt, the epoch goes through PostgreSQL."""
    for _ in range(5):  # whoever asks later than two seconds into the pause is not let through
        browser = Browser(city).signed_in("wang")
        assert everywhere(city, "marriage", "/whoami", browser.credential) == [200] * 3  # known for ten seconds
        with hanging(city, "redis"):
            began = time.monotonic()
            told = ask(city, "console", "DELETE", "/api/v1/sessions", key(city, "wang"))
            effective = time.monotonic() - began
            refused = [at(city, name, "marriage", "GET", "/whoami", browser.credential).status
                       for name in ("gateway-1", "gateway-2", "gateway-3")]  # fmt: skip
            seen = time.monotonic() - began
        eventually(lambda: everywhere(city, "marriage", "/whoami", key(city, "wang")) == [200] * 3)
        assert 200 not in refused
        if told.status == 200 and refused == [401] * 3:
            break
    receipt = told.json()["receipt"]
    print(f"answered after {effective:.2f} s, receipt {receipt}, all three had refused after {seen:.2f} s")
    assert (receipt["confirmed"], receipt["live"]) == (4, 4)


def test_a_signed_request_counts_once_whatever_redis_does(city) -> None:
    """fault: Redis hangs while an app's signed request comes — 503; the same bytes count at most once when it is back, what is signed anew counts."""
    status, app = city.ask("qian", "POST", "/api/v1/departments/civil/apps", {"name": "while redis is away"})
    assert status == 201, app

    def fresh() -> dict[str, str]:
        return signed(app["id"], app["secret"], "/open/properties")

    def answer(headers: dict[str, str]) -> int:
        return ask(
            city, "housing", "GET", "/open/properties", headers
        ).status  # 403: who it is, is known; 401: it is not

    eventually(lambda: answer(fresh()) == 403)
    kept = fresh()
    with hanging(city, "redis"):
        assert answer(kept) == 503
    eventually(lambda: answer(fresh()) == 403)
    assert [answer(kept) for _ in range(3)][1:] == [401, 401]
    assert city.ask("qian", "DELETE", f"/api/v1/departments/civil/apps/{app['id']}")[0] == 200
