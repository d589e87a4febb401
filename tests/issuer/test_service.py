"""The protocol over real HTTP: what is granted, and everything that is not."""

import base64
import hashlib
import http.client
import json
from urllib.parse import urlencode

import jwt
import pytest

from tests.issuer.client import CHALLENGE, VERIFIER, answered, auth_url, code_for, post, redeem
from tests.issuer.live import CLIENT_ID, CLIENT_SECRET, HOUSING, MARRIAGE, Browser, Clock, LiveIssuer


def test_discovery_says_what_is_true_and_nothing_more(issuer: LiveIssuer, browser: Browser) -> None:
    answer = browser.get(issuer.url + "/.well-known/openid-configuration")
    document = json.loads(answer.text)
    assert document["issuer"] == issuer.url
    assert document["grant_types_supported"] == ["authorization_code"]
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["token_endpoint_auth_methods_supported"] == ["client_secret_basic"]
    assert document["authorization_response_iss_parameter_supported"] is True


def test_the_id_token_says_how_and_when_somebody_signed_in(issuer: LiveIssuer, browser: Browser, clock: Clock) -> None:
    status, answer = redeem(issuer, code_for(browser))
    keys = json.loads(browser.get(issuer.url + "/protocol/openid-connect/certs").text)["keys"]
    header = jwt.get_unverified_header(answer["id_token"])
    key = next(jwt.PyJWK(key) for key in keys if key["kid"] == header["kid"])
    payload = jwt.PyJWS().decode(answer["id_token"], key, algorithms=["ES256"])
    claims = json.loads(payload)
    now = int(clock().timestamp())
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert status == 200
    assert claims.pop("sid")
    assert len(claims.pop("sub")) == 36
    assert claims == {
        "iss": issuer.url,
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "name": "李雷",
        "acr": "2",
        "amr": ["pwd"],
        "auth_time": now,
        "iat": now,
        "exp": now + 300,
        "nonce": "n-1",
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
    }
    assert "refresh_token" not in answer
    assert answer["expires_in"] == 300


def test_the_answer_names_its_issuer(issuer: LiveIssuer, browser: Browser) -> None:
    answer = browser.sign_in(browser.get(auth_url(issuer)))
    assert answer.status == 303
    assert answered(answer) | {"code": ""} == {"code": "", "state": "s-1", "iss": issuer.url}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": f"{MARRIAGE}/.citygate/callback/"},
        {"redirect_uri": f"{MARRIAGE}/.citygate/callback?x=1"},
        {"redirect_uri": f"{MARRIAGE}/.citygate/callback#x"},
        {"redirect_uri": f"{MARRIAGE}/.citygate/../callback"},
        {"redirect_uri": "http://marriage.localhost:8000.evil.test/.citygate/callback"},
        {"redirect_uri": "http://evil@marriage.localhost:8000/.citygate/callback"},
        {"redirect_uri": "https://marriage.localhost:8000/.citygate/callback"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_request_that_is_not_the_clients_is_answered_here(
    issuer: LiveIssuer, browser: Browser, changed: dict[str, str | None]
) -> None:
    answer = browser.get(auth_url(issuer, **changed))
    assert (answer.status, answer.location) == (400, "")
    assert "无法登录" in answer.text


@pytest.mark.parametrize(
    "changed",
    [
        {"response_type": "token"},
        {"response_type": "id_token"},
        {"response_type": "code id_token"},
        {"scope": None},
        {"scope": "profile"},
        {"scope": "openid admin"},
        {"nonce": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"prompt": "none"},
        {"prompt": "none login"},
    ],
    ids=str,
)
def test_a_request_that_asks_for_too_much_is_answered_to_the_client(
    issuer: LiveIssuer, browser: Browser, changed: dict[str, str | None]
) -> None:
    answer = browser.get(auth_url(issuer, **changed))
    assert answer.location.startswith(f"{MARRIAGE}/.citygate/callback?")
    values = answered(answer)
    assert (values["state"], values["iss"]) == ("s-1", issuer.url)
    assert "error" in values
    assert "code" not in values


@pytest.mark.parametrize(
    "name", ["client_id", "redirect_uri", "state", "nonce", "code_challenge", "prompt", "acr_values"]
)
def test_a_parameter_that_stands_twice_is_refused(issuer: LiveIssuer, browser: Browser, name: str) -> None:
    assert browser.get(f"{auth_url(issuer)}&{name}=x&{name}=y").status == 400


def test_a_code_is_used_once_and_a_second_use_ends_the_session(issuer: LiveIssuer, browser: Browser) -> None:
    code = code_for(browser)
    assert redeem(issuer, code)[0] == 200
    assert browser.get(auth_url(issuer)).status == 303
    assert redeem(issuer, code) == (400, {"error": "invalid_grant", "error_description": "Invalid 'code' in request."})
    assert browser.get(auth_url(issuer)).status == 200


def test_a_code_lives_for_a_minute(issuer: LiveIssuer, browser: Browser, clock: Clock) -> None:
    code = code_for(browser)
    clock.pass_by(seconds=60)
    assert redeem(issuer, code)[0] == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": None},
        {"code_verifier": "w" * 64},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": f"{HOUSING}/.citygate/callback"},
        {"redirect_uri": None},
        {"grant_type": "password", "username": "li", "password": "correct horse battery"},
        {"grant_type": "client_credentials"},
        {"grant_type": "refresh_token"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
        {"code": "guessed"},
    ],
    ids=str,
)
def test_a_code_needs_its_verifier_its_redirect_uri_and_its_grant(
    issuer: LiveIssuer, browser: Browser, changed: dict[str, str | None]
) -> None:
    assert redeem(issuer, **{"code": code_for(browser)} | changed)[0] == 400


def test_a_code_needs_its_client(issuer: LiveIssuer, browser: Browser) -> None:
    code = code_for(browser)
    for client, secret in ((CLIENT_ID, "wrong"), (CLIENT_ID, ""), ("another", CLIENT_SECRET), ("", "")):
        assert redeem(issuer, code, client=client, secret=secret)[0] == 401
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "client_id": CLIENT_ID}
    form |= {"redirect_uri": f"{MARRIAGE}/.citygate/callback"}
    assert post(issuer, form, {})[0] == 401
    assert post(issuer, form | {"client_secret": CLIENT_SECRET}, {})[0] == 401
    assert redeem(issuer, code)[0] == 200


def test_a_code_is_worth_nothing_once_its_session_or_account_is_over(issuer: LiveIssuer, browser: Browser) -> None:
    code = code_for(browser, "wang")
    sub = issuer.accounts.verify("wang", "correct horse battery").sub
    issuer.accounts.disable(sub)
    assert redeem(issuer, code)[0] == 400


def logout_url(issuer: LiveIssuer, **fields: str) -> str:
    return f"{issuer.url}/protocol/openid-connect/logout?{urlencode(fields)}"


def test_logout_ends_the_session_and_goes_back_where_it_may(issuer: LiveIssuer, browser: Browser) -> None:
    _, answer = redeem(issuer, code_for(browser))
    hint = answer["id_token"]
    out = browser.get(logout_url(issuer, id_token_hint=hint, post_logout_redirect_uri=f"{HOUSING}/", state="x"))
    assert out.location == f"{HOUSING}/?state=x"
    assert browser.get(auth_url(issuer)).status == 200


@pytest.mark.parametrize("uri", [f"{MARRIAGE}/x", MARRIAGE, "http://evil.test/", f"{MARRIAGE}/.citygate/callback"])
def test_logout_goes_nowhere_else(issuer: LiveIssuer, browser: Browser, uri: str) -> None:
    _, answer = redeem(issuer, code_for(browser))
    out = browser.get(logout_url(issuer, id_token_hint=answer["id_token"], post_logout_redirect_uri=uri))
    assert (out.status, out.location) == (200, "")
    assert "已退出登录" in out.text


def test_nobody_is_signed_out_by_a_link(issuer: LiveIssuer, browser: Browser) -> None:
    code_for(browser)
    forged = jwt.encode({"sid": "x", "aud": CLIENT_ID}, "k" * 32, "HS256")
    for fields in ({}, {"client_id": CLIENT_ID}, {"id_token_hint": "x"}, {"id_token_hint": forged}):
        out = browser.get(logout_url(issuer, post_logout_redirect_uri=f"{MARRIAGE}/", **fields))
        assert (out.status, out.location) == (400, "")
    assert browser.get(auth_url(issuer)).status == 303


def test_a_hint_of_another_session_leaves_this_one(issuer: LiveIssuer, browser: Browser) -> None:
    _, answer = redeem(issuer, code_for(Browser(issuer), "wang"))
    code_for(browser)
    browser.get(logout_url(issuer, id_token_hint=answer["id_token"]))
    assert browser.get(auth_url(issuer)).status == 303


def test_an_expired_hint_still_signs_out(issuer: LiveIssuer, browser: Browser, clock: Clock) -> None:
    _, answer = redeem(issuer, code_for(browser))
    issuer.keys.rotate()
    for _ in range(11):
        clock.pass_by(minutes=59)
        browser.get(auth_url(issuer))
    out = browser.get(logout_url(issuer, id_token_hint=answer["id_token"], post_logout_redirect_uri=f"{MARRIAGE}/"))
    assert out.location == f"{MARRIAGE}/"


def test_another_host_name_is_refused(issuer: LiveIssuer, browser: Browser) -> None:
    for host in ("evil.test", "login.localhost.evil.test", "127.0.0.1", "marriage.localhost"):
        assert browser.get(auth_url(issuer), Host=host).status == 400


def test_a_chunked_form_is_read_like_any_other(issuer: LiveIssuer, browser: Browser) -> None:
    page = browser.get(auth_url(issuer))
    form = urlencode({"login": "li", "password": "correct horse battery", "csrf": page.field("csrf")}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", issuer.port, timeout=10)
    headers = {"Host": f"login.localhost:{issuer.port}", "Content-Type": "application/x-www-form-urlencoded"}
    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    connection.request("POST", page.action, iter([form[:20], form[20:]]), headers, encode_chunked=True)
    status = connection.getresponse().status
    connection.close()
    assert status == 303


def test_a_large_form_is_refused(issuer: LiveIssuer, browser: Browser) -> None:
    page = browser.get(auth_url(issuer))
    assert browser.post(page.action, login="x" * 20_000).status == 413


def test_every_answer_is_hardened(issuer: LiveIssuer, browser: Browser) -> None:
    answer = browser.get(auth_url(issuer))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"form-action 'self' {MARRIAGE} {HOUSING};" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for cookie in answer.headers.get_all("Set-Cookie"):
        assert cookie.startswith("__Host-")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
