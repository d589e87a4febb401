"""People sign in to the door at a real Keycloak; what the realm refuses, nobody gets."""

import base64
import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from idp.errors import LoginRejected
from idp.keycloak.realm import CLIENT_ID, REALM
from idp.relying_party import Completed
from tests.stack.keycloak import (
    CLIENT_SECRET,
    HOUSING,
    LOGOUT_PATH,
    MARRIAGE,
    Browser,
    LiveKeycloak,
    Somebody,
    redeemed,
    request,
)


def complete(live: LiveKeycloak, person: Somebody, *, party: object = None, **begin: object) -> Completed:
    party = party or live.party()
    origin = begin.pop("origin", MARRIAGE)
    begun = party.begin(origin, "/files/1", **begin)
    answer = person.answer(begun.url)
    assert answer.location.startswith(f"{origin}/.citygate/callback?")
    return party.complete(origin, answer.query, {begun.cookie_name: begun.cookie_value})


def ask(live: LiveKeycloak, **changed: str | None) -> str:
    fields = request("v" * 64) | changed
    fields = {name: value for name, value in fields.items() if value is not None}
    return f"{live.url}/protocol/openid-connect/auth?{urlencode(fields)}"


def claims(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_password_is_level_2_and_says_who_and_when(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody("王秀英")
    done = complete(live_keycloak, person)
    assert (done.iss, done.sub, done.name, done.assurance) == (live_keycloak.url, person.sub, "王秀英", 2)
    assert abs(datetime.now(UTC) - done.auth_time) < timedelta(seconds=30)
    assert (bool(done.sid), done.return_to) == (True, "/files/1")


def test_a_step_up_asks_for_the_code_only_and_is_level_3_of_the_same_session(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody()
    before = complete(live_keycloak, person)
    person.password = "not asked for again"
    after = complete(live_keycloak, person, acr=3)
    assert (after.assurance, after.sid, after.sub) == (3, before.sid, person.sub)


def test_both_factors_at_once_are_level_3(live_keycloak: LiveKeycloak) -> None:
    assert complete(live_keycloak, live_keycloak.somebody(), acr=3).assurance == 3


def test_a_second_host_signs_in_without_a_page(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody()
    first = complete(live_keycloak, person)
    person.password = "not asked for again"
    assert complete(live_keycloak, person, origin=HOUSING).sid == first.sid


def test_a_fresh_sign_in_asks_again(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody()
    first = complete(live_keycloak, person)
    time.sleep(1.1)  # `auth_time` is in seconds
    again = complete(live_keycloak, person, prompt="login")
    assert again.auth_time > first.auth_time


def test_a_password_alone_enrols_no_second_factor(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody(code=False)
    complete(live_keycloak, person)
    for url in (ask(live_keycloak, acr_values="3"), ask(live_keycloak, kc_action="CONFIGURE_TOTP")):
        answer = person.browser.get(url)
        while answer.location.startswith(live_keycloak.url):
            answer = person.browser.get(answer.location)
        assert "totpSecret" not in answer.text
        assert claims_level(live_keycloak, answer) != "3"


def claims_level(live: LiveKeycloak, answer: object) -> object:
    """The level of the code that an answer brings, if it brings one."""
    code = parse_qs(answer.query).get("code")
    if not code:
        return None
    form = {"grant_type": "authorization_code", "code": code[0], "redirect_uri": f"{MARRIAGE}/.citygate/callback",
            "code_verifier": "v" * 64}  # fmt: skip
    return claims(redeemed(live, form)["id_token"])["acr"]


@pytest.mark.parametrize(
    "changed",
    [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}],
    ids=["missing", "plain"],
)
def test_a_request_without_pkce_s256_is_refused(live_keycloak: LiveKeycloak, changed: dict[str, str | None]) -> None:
    answer = Browser(live_keycloak).get(ask(live_keycloak, **changed))
    assert parse_qs(answer.query)["error"] == ["invalid_request"]


@pytest.mark.parametrize(
    "uri",
    ["http://evil.example/.citygate/callback", f"{MARRIAGE}/.citygate/callback/x", f"{MARRIAGE}/.citygate/callback?x=1",
     f"{MARRIAGE}/", "http://marriage.localhost:8001/.citygate/callback",
     "http://marriage.localhost:8000@evil.example/.citygate/callback", f"{MARRIAGE}/.citygate/../callback"],
)  # fmt: skip
def test_another_redirect_uri_is_a_page_and_never_a_redirect(live_keycloak: LiveKeycloak, uri: str) -> None:
    answer = Browser(live_keycloak).get(ask(live_keycloak, redirect_uri=uri))
    assert (answer.status, answer.location) == (400, "")


@pytest.mark.parametrize("client", [(CLIENT_ID, CLIENT_SECRET), ("admin-cli", ""), ("account", "")], ids=lambda c: c[0])
def test_a_password_alone_never_gets_a_token(live_keycloak: LiveKeycloak, client: tuple[str, str]) -> None:
    person = live_keycloak.somebody()
    answer = Browser(live_keycloak).post(
        f"{live_keycloak.url}/protocol/openid-connect/token", grant_type="password", username=person.login,
        password=person.password, client_id=client[0], client_secret=client[1], scope="openid",
    )  # fmt: skip
    assert answer.status in (400, 401)
    assert "token" not in json.loads(answer.text)


@pytest.mark.parametrize("response_type", ["token", "id_token", "code id_token", "id_token token"])
def test_no_token_comes_through_the_browser(live_keycloak: LiveKeycloak, response_type: str) -> None:
    answer = Browser(live_keycloak).get(ask(live_keycloak, response_type=response_type))
    assert "error" in parse_qs(answer.query or urlsplit(answer.location).fragment) or answer.status == 400


def test_offline_access_is_refused(live_keycloak: LiveKeycloak) -> None:
    answer = Browser(live_keycloak).get(ask(live_keycloak, scope="openid offline_access"))
    assert parse_qs(answer.query)["error"] == ["invalid_scope"]


def test_a_token_says_no_more_than_it_must(live_keycloak: LiveKeycloak) -> None:
    told = claims(live_keycloak.somebody().tokens()["id_token"])
    assert told.keys() == {
        "exp",
        "iat",
        "auth_time",
        "jti",
        "iss",
        "aud",
        "sub",
        "typ",
        "azp",
        "nonce",
        "sid",
        "at_hash",
        "acr",
        "name",
    }


def test_a_refresh_works_and_dies_with_the_account(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody()
    first = person.tokens()
    again = person.refresh(first["refresh_token"])
    assert [claims(one["id_token"])["sid"] for one in (first, again)] == [claims(first["id_token"])["sid"]] * 2
    person.refresh(first["refresh_token"])  # two gateways may ask at once
    live_keycloak.admin.put(f"{REALM}/users/{person.sub}", {"enabled": False})
    with pytest.raises(LoginRejected):
        person.refresh(again["refresh_token"])


def test_who_guesses_is_locked_out_for_a_while(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody()
    page = person.browser.get(ask(live_keycloak))
    for _ in range(5):
        page = person.browser.post(page.action, username=person.login, password=secrets.token_hex(8))
        assert page.status == 200
    deadline = time.monotonic() + 10  # failures are counted behind the answer
    while not (state := live_keycloak.admin.get(f"{REALM}/attack-detection/brute-force/users/{person.sub}"))[
        "disabled"
    ]:
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    page = person.browser.post(page.action, username=person.login, password=person.password)
    assert (page.status, page.location) == (200, "")


def test_an_administrator_who_ends_a_session_tells_the_door_by_a_logout_token(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody()
    done = complete(live_keycloak, person)
    live_keycloak.admin.delete(f"{REALM}/sessions/{done.sid}")
    token = _logout_token(live_keycloak, done.sid)
    head = token.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    told = claims(token)
    assert (header["typ"], header["alg"]) == ("logout+jwt", "RS256")
    assert header["kid"] in set(live_keycloak.issuer().keys())
    assert (told["iss"], told["aud"], told["sub"], told["sid"]) == (live_keycloak.url, CLIENT_ID, person.sub, done.sid)
    assert told["events"].keys() == {"http://schemas.openid.net/event/backchannel-logout"}
    assert "nonce" not in told
    assert {"iat", "exp", "jti"} <= told.keys()
    assert LOGOUT_PATH in live_keycloak.plan.logout_url


def _logout_token(live_keycloak: LiveKeycloak, sid: str) -> str:
    """What the door was told about this sign-on; it hears of those of other tests, too."""
    while True:
        kind, body = live_keycloak.logouts.get(timeout=10)
        assert kind.partition(";")[0] == "application/x-www-form-urlencoded"
        form = parse_qs(body)
        assert form.keys() == {"logout_token"}
        (token,) = form["logout_token"]
        if claims(token)["sid"] == sid:
            return token


def test_signing_out_at_the_door_ends_the_session_and_comes_back(live_keycloak: LiveKeycloak) -> None:
    person, party = live_keycloak.somebody(), live_keycloak.party()
    done = complete(live_keycloak, person, party=party)
    answer = person.browser.get(party.logout_url(done.id_token, f"{MARRIAGE}/"))
    assert (answer.status, answer.location) == (302, f"{MARRIAGE}/")
    elsewhere = person.browser.get(ask(live_keycloak))
    assert 'name="password"' in elsewhere.text


def test_signing_out_leads_to_no_other_host(live_keycloak: LiveKeycloak) -> None:
    person, party = live_keycloak.somebody(), live_keycloak.party()
    done = complete(live_keycloak, person, party=party)
    answer = person.browser.get(party.logout_url(done.id_token, "http://evil.example/"))
    assert (answer.status, answer.location) == (400, "")


def test_the_page_speaks_chinese_unless_the_browser_prefers_english(live_keycloak: LiveKeycloak) -> None:
    chinese = Browser(live_keycloak).get(ask(live_keycloak))
    english = Browser(live_keycloak).get(ask(live_keycloak), **{"Accept-Language": "en"})
    assert "城门 统一身份认证" in chinese.text
    assert "citygate sign-in" in english.text
