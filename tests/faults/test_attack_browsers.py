"""What a hostile page, link or neighbour can make of somebody's browser: nothing."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest

from tests.faults.visitor import COOKIE, Browser, ask, csrf_of, form_action, host_of, key, origin
from tests.journeys.running_city import City

EVIL = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "https:evil.example", "//evil.example/%2e%2e",
    "/%09/evil.example", "/\t/evil.example", "//evil%E3%80%82example", "@evil.example", "//marriage.localhost@evil.example", "/.//evil.example",
    "/x/..//evil.example", "javascript:alert(1)", "data:text/html,x", "/%2f/evil.example", "/%5cevil.example", " //evil.example", "/\r\nLocation: //evil.example",
    "//evil.example\\@marriage.localhost", "////evil.example/%2f..", "http:///evil.example", "x", "",
)  # fmt: skip


def plain(location: str) -> bool:
    """A path of the same host, whoever reads it."""
    return location.startswith("/") and location[1:2] not in ("/", "\\") and "evil" not in urlsplit(location).netloc


def test_a_sign_in_never_leads_out_of_the_city(city, wang) -> None:
    """fault: return_to, redirect_uri and post_logout_redirect_uri to other hosts — ignored or 400, no redirect there."""
    for target in EVIL:
        here = Browser(city, {"login": dict(wang.jars["login"])})  # known at the issuer: no form stands in between
        at_issuer = here.ask("marriage", "GET", f"/.citygate/login?return_to={quote(target, safe='')}")
        assert urlsplit(at_issuer.location).netloc == host_of(city, "login"), target
        place = urlsplit(at_issuer.location)
        back = urlsplit(here.ask("login", "GET", f"{place.path}?{place.query}").location)
        assert back.netloc == host_of(city, "marriage")
        home = here.ask("marriage", "GET", f"{back.path}?{back.query}")
        assert home.status == 303
        assert plain(home.location), (target, home.location)
    begun = urlsplit(Browser(city).ask("marriage", "GET", "/.citygate/login").location)
    real = quote(origin(city, "marriage") + "/.citygate/callback", safe="")
    assert real in begun.query
    for uri in ("https://evil.example/", f"{origin(city, 'marriage')}/.citygate/callback/../x", f"{origin(city, 'marriage')}.evil.example/.citygate/callback",
                f"http://x@{host_of(city, 'marriage')}/.citygate/callback", f"{origin(city, 'marriage')}/.citygate/callback?x", f"{origin(city, 'marriage')}/.citygate/callback#"):  # fmt: skip
        answer = ask(
            city,
            "login",
            "GET",
            f"{begun.path}?{begun.query.replace(real, quote(uri, safe=''))}",
            {"Accept": "text/html"},
        )
        assert answer.status == 400, uri
        assert "location" not in answer.headers
        end = f"/realms/city/protocol/openid-connect/logout?client_id=citygate&post_logout_redirect_uri={quote(uri, safe='')}"
        assert not ask(city, "login", "GET", end).location


def test_a_cookie_chosen_by_somebody_else_is_never_adopted(city) -> None:
    """fault: session fixation — each sign-in and step-up gives a new cookie, the old one is nobody's."""
    chosen = "A" * 43
    browser = Browser(city, {"marriage": {COOKIE: chosen}})
    browser.sign_in("zhou")
    first = browser.cookie
    assert first != chosen
    browser.sign_in("zhou", assurance=3)
    assert browser.cookie not in (first, chosen)
    console = Browser(city, {"login": dict(browser.jars["login"])})
    console.sign_in("zhou", host="console")
    mine = console.jars["console"][COOKIE]
    assert ask(city, "console", "GET", "/", {"Cookie": f"{COOKIE}={mine}"}).status == 200
    for old in (chosen, first, browser.cookie):
        assert ask(city, "console", "GET", "/", {"Cookie": f"{COOKIE}={old}"}).status == 401, "old, or of another host"
    assert ask(city, "marriage", "GET", "/whoami", {"Cookie": f"{COOKIE}={mine}"}).status == 401
    state = (
        Browser(city)
        .ask("marriage", "GET", "/.citygate/login?return_to=/")
        .location.partition("state=")[2]
        .partition("&")[0]
    )
    lured = browser.ask("marriage", "GET", f"/.citygate/callback?code=mallorys&state={state}&iss=x")
    assert lured.status == 400, "another browser's login is not finished here (RFC 9700 §4.7)"


@pytest.fixture(scope="module")
def qian(lives) -> Browser:
    """A department administrator at her desk."""
    browser = Browser(lives.now)
    assert browser.sign_in("qian", host="console", assurance=3).status == 200
    return browser


@pytest.fixture(scope="module")
def feng(lives) -> Browser:
    """Somebody with a session, and so a token, of her own."""
    browser = Browser(lives.now)
    assert browser.sign_in("feng", host="console").status == 200
    return browser


def held(city: City, person: str) -> list[str]:
    answer = ask(city, "console", "GET", f"/api/v1/departments/civil/people/{person}/assignments", key(city, "qian"))
    return [one["id"] for one in answer.json()["items"]]


def test_no_form_is_taken_from_elsewhere(city, qian, feng) -> None:
    """fault: CSRF — every unsafe form without, with a foreign or an old token, from another origin: 403, nothing changes."""
    people = ask(city, "console", "GET", "/api/v1/departments/civil/people", key(city, "qian")).json()["items"]
    zhao = next(one["id"] for one in people if one["login"] == "zhao")
    day = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    desk = f"/departments/civil/people/{zhao}"
    role = {"role": "marriage-clerk", "department": "civil", "clearance": "2", "until": day, "reason": "fault"}
    own = csrf_of(qian.ask("console", "GET", desk).body)
    foreign = csrf_of(feng.ask("console", "GET", "/").body)
    assert own
    assert foreign
    assert own != foreign
    given = qian.ask(
        "console", "POST", f"{desk}/assignments", {**role, "csrf": own}, {"Origin": origin(city, "console")}
    )
    assert given.status in (200, 303), "the real form is taken"
    before = held(city, zhao)
    unsafe = [
        (f"{desk}/assignments", {**role, "role": "marriage-clerk", "clearance": "1"}), (f"{desk}/assignments/{before[-1]}/revoke", {}),
        ("/sessions/end-all", {}), ("/.citygate/logout", {}), ("/sessions/01ARZ3NDEKTSV4RRFFQ69G5FAV/end", {}), ("/.citygate/resume/01ARZ3NDEKTSV4RRFFQ69G5FAV", {}),
    ]  # fmt: skip
    strange = [{"Origin": "https://evil.example"}, {"Origin": origin(city, "marriage")}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
               {"Sec-Fetch-Site": "same-site"}, {"Origin": origin(city, "console") + ".evil.example"}]  # fmt: skip
    for path, form in unsafe:
        for token in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": own[:-1]}, {"csrf": own.upper() + "x"}):
            answer = qian.ask("console", "POST", path, {**form, **token}, {"Origin": origin(city, "console")})
            assert answer.status == 403, (path, token)
        for headers in strange:
            assert qian.ask("console", "POST", path, {**form, "csrf": own}, headers).status == 403, (path, headers)
        get = qian.ask("console", "GET", path)
        assert get.status in (200, 404, 405), (path, get.status)
    for method, path in (
        ("POST", f"/api/v1{desk}/assignments"),
        ("DELETE", f"/api/v1{desk}/assignments/{before[-1]}"),
        ("DELETE", "/api/v1/sessions"),
    ):
        body = {"role": "marriage-clerk", "clearance": 1, "expires_at": f"{day}T00:00:00Z", "reason": "x"}
        sent = {
            "Cookie": f"{COOKIE}={qian.jars['console'][COOKIE]}",
            "Content-Type": "application/json",
            "X-CSRF-Token": foreign,
        }
        assert ask(city, "console", method, path, sent, json.dumps(body)).status == 403, (method, path)
    assert held(city, zhao) == before
    assert qian.ask("console", "GET", desk).status == 200, "and she is still signed in"
    taken = qian.ask(
        "console", "POST", f"{desk}/assignments/{before[-1]}/revoke", {"csrf": own}, {"Origin": origin(city, "console")}
    )
    assert taken.status in (200, 303)
    assert held(city, zhao) == before[:-1]


def test_a_login_form_from_elsewhere_signs_nobody_in(city) -> None:
    """fault: login CSRF — the issuer's form without its ticket, or with another browser's: 400, no session."""
    person = city.person("zhou")
    browser, other = Browser(city), Browser(city)
    page, _ = browser.follow(browser.ask("marriage", "GET", "/"), "marriage")
    theirs, _ = other.follow(other.ask("marriage", "GET", "/"), "marriage")
    for token in ("", "x", csrf_of(theirs.body)):
        filled = {"login": person["login"], "password": person["password"], "csrf": token}
        assert browser.submit(page, "login", filled).status == 400, token[:5]
    assert "__Host-city-sign-on" not in browser.jars["login"]
    assert browser.submit(page, "login", {"login": person["login"], "password": person["password"]}).status == 303, (
        "the form itself is taken"
    )


def test_guessing_a_password_through_the_door_locks_it(city) -> None:
    """fault: brute force — 429 with Retry-After after five tries, for the right password and for unknown logins too."""
    for login, right in (("wu", city.person("wu")["password"]), ("nobody-of-this-name", "x")):
        browser = Browser(city)
        page, _ = browser.follow(browser.ask("marriage", "GET", "/"), "marriage")
        answers = []
        for number in range(6):
            page = browser.submit(page, "login", {"login": login, "password": f"wrong-{number}"})
            answers.append(page.status)
        assert answers == [400] * 5 + [429], login
        last = browser.submit(page, "login", {"login": login, "password": right})
        assert last.status == 429
        assert int(last.headers["retry-after"]) > 0
        assert form_action(last.body), "and the page still leads on"


def test_a_parked_write_is_its_owners_alone(city, wang, feng) -> None:
    """fault: somebody else's parked request — 404 for another person and on another host; it is kept for its owner."""
    sent = {"Origin": origin(city, "marriage")}
    parked = wang.ask("marriage", "POST", "/certificates/17", {"text": "parked"}, sent)
    assert parked.status == 401
    way = parked.body.decode().partition("resume")[2].partition('"')[0].partition("&")[0]
    number = way.removeprefix("%2F").removeprefix("/")
    assert len(number) >= 26, parked.body
    thief = Browser(city, {"login": dict(feng.jars["login"])})
    thief.sign_in("feng")
    token = csrf_of(thief.ask("marriage", "GET", "/.citygate/logout").body)
    for browser, host in ((thief, "marriage"), (Browser(city), "marriage"), (feng, "console")):
        mine = token if browser is thief else csrf_of(browser.ask(host, "GET", "/.citygate/logout").body)
        assert browser.ask(host, "GET", f"/.citygate/resume/{number}").status in (303, 404)
        assert browser.ask(
            host, "POST", f"/.citygate/resume/{number}", {"csrf": mine}, {"Origin": origin(city, host)}
        ).status in (403, 404)
    assert wang.ask("marriage", "GET", f"/.citygate/resume/{number}").status == 200
