"""The sign-in pages, as a person and as an attacker meet them."""

from datetime import timedelta

import pyotp
import pytest

from issuer.attempts import FREE_ATTEMPTS
from issuer.sign_on import ABSOLUTE_LIFETIME, COOKIE, IDLE_LIFETIME
from tests.issuer.client import answered, auth_url, code_for
from tests.issuer.live import PASSWORD, SEED, Answer, Browser, LiveIssuer


def give_code(browser: Browser, page: Answer, **later: float) -> Answer:
    return browser.give_code(page, pyotp.TOTP(SEED).at(browser.issuer.clock() + timedelta(**later)))


def test_the_page_says_which_portal_asks(issuer: LiveIssuer, browser: Browser) -> None:
    assert "婚姻登记" in browser.get(auth_url(issuer)).text


def test_a_wrong_password_and_an_unknown_login_look_the_same(issuer: LiveIssuer, browser: Browser) -> None:
    texts = []
    for login in ("wang", "nobody"):
        page = browser.get(auth_url(issuer))
        answer = browser.sign_in(page, login, "wrong")
        assert (answer.status, answer.field("login")) == (400, login)
        texts.append(answer.text.replace(login, "").replace(answer.field("csrf"), ""))
    assert texts[0] == texts[1]


def test_what_is_typed_is_shown_as_text(issuer: LiveIssuer, browser: Browser) -> None:
    answer = browser.sign_in(browser.get(auth_url(issuer)), "'><script>", "x")
    assert "<script>" not in answer.text


def test_english_readers_read_english(issuer: LiveIssuer, browser: Browser) -> None:
    assert (
        "You cannot sign in from here" in browser.get(auth_url(issuer, client_id="x"), **{"Accept-Language": "en"}).text
    )


def test_lock_out_tells_until_when(issuer: LiveIssuer, browser: Browser) -> None:
    page = browser.get(auth_url(issuer))
    for _ in range(FREE_ATTEMPTS):
        page = browser.sign_in(page, "li", "wrong")
    answer = browser.sign_in(page)
    assert answer.status == 429
    assert "17:00:30" in answer.text  # 09:00:30 UTC
    assert answer.headers["Retry-After"] == "31"
    issuer.clock.pass_by(seconds=30)
    assert browser.sign_in(answer).status == 303


def test_the_second_factor_is_asked_only_when_it_is_wanted(issuer: LiveIssuer, browser: Browser) -> None:
    assert browser.sign_in(browser.get(auth_url(issuer))).status == 303
    page = browser.get(auth_url(issuer, acr_values="3"))
    assert "name=code" in page.text
    assert "name=password" not in page.text
    assert give_code(browser, page).status == 303
    assert browser.get(auth_url(issuer, acr_values="3")).status == 303
    assert browser.get(auth_url(issuer)).status == 303


def test_password_and_second_factor_follow_each_other(issuer: LiveIssuer, browser: Browser) -> None:
    page = browser.sign_in(browser.get(auth_url(issuer, acr_values="3")))
    refused = browser.give_code(page, "000000")
    assert (refused.status, "动态码不正确" in refused.text) == (400, True)
    assert give_code(browser, refused).status == 303


def test_a_code_that_was_used_is_refused(issuer: LiveIssuer, browser: Browser) -> None:
    give_code(browser, browser.sign_in(browser.get(auth_url(issuer, acr_values="3"))))
    other = Browser(issuer)
    page = other.sign_in(other.get(auth_url(issuer, acr_values="3")))
    assert give_code(other, page).status == 400
    assert give_code(other, page, seconds=30).status == 303


def test_somebody_without_a_second_factor_is_told_to_the_portal(issuer: LiveIssuer, browser: Browser) -> None:
    answer = browser.sign_in(browser.get(auth_url(issuer, acr_values="3")), "wang")
    assert answered(answer) == {"error": "unmet_authentication_requirements", "state": "s-1", "iss": issuer.url}


def test_prompt_login_asks_for_both_factors_again(issuer: LiveIssuer, browser: Browser) -> None:
    give_code(browser, browser.sign_in(browser.get(auth_url(issuer, acr_values="3"))))
    page = browser.get(auth_url(issuer, acr_values="3", prompt="login"))
    assert page.field("login") == "li"
    page = browser.sign_in(page)
    assert "name=code" in page.text
    assert give_code(browser, page, seconds=30).status == 303


def test_a_code_page_of_another_request_does_not_skip_the_password(issuer: LiveIssuer, browser: Browser) -> None:
    browser.sign_in(browser.get(auth_url(issuer)))
    code_page = browser.get(auth_url(issuer, acr_values="3"))
    login_page = browser.get(auth_url(issuer, acr_values="3", prompt="login"))
    code = pyotp.TOTP(SEED).at(issuer.clock())
    for csrf in (code_page.field("csrf"), login_page.field("csrf")):
        assert browser.post(login_page.action, code=code, csrf=csrf).status == 400


def test_a_code_page_of_an_ended_session_is_over(issuer: LiveIssuer, browser: Browser) -> None:
    page = browser.sign_in(browser.get(auth_url(issuer, acr_values="3")))
    browser.sign_in(browser.get(auth_url(issuer, prompt="login")), "wang")
    browser.sign_in(browser.get(auth_url(issuer, prompt="login")))
    assert give_code(browser, page).status == 400


@pytest.mark.parametrize(
    ("max_age", "status"), [("600", 303), ("299", 200), ("300", 200), ("0", 200), ("x", 200), ("-1", 200)]
)
def test_max_age_is_honoured(issuer: LiveIssuer, browser: Browser, max_age: str, status: int) -> None:
    code_for(browser)
    issuer.clock.pass_by(minutes=5)
    assert browser.get(auth_url(issuer, max_age=max_age)).status == status


def test_prompt_none_signs_in_whom_it_knows_and_asks_nobody(issuer: LiveIssuer, browser: Browser) -> None:
    assert answered(browser.get(auth_url(issuer, prompt="none")))["error"] == "login_required"
    code_for(browser)
    assert "code" in answered(browser.get(auth_url(issuer, prompt="none")))
    assert answered(browser.get(auth_url(issuer, prompt="none", acr_values="3")))["error"] == "login_required"
    issuer.clock.pass_by(minutes=5)
    assert answered(browser.get(auth_url(issuer, prompt="none", max_age="60")))["error"] == "login_required"


def test_a_form_counts_for_its_own_browser_page_and_ten_minutes(issuer: LiveIssuer, browser: Browser) -> None:
    page = browser.get(auth_url(issuer))
    good = page.field("csrf")
    stranger = Browser(issuer)
    foreign = stranger.get(auth_url(issuer)).field("csrf")
    elsewhere = browser.get(auth_url(issuer, state="s-2")).field("csrf")
    for csrf in ("", "x", foreign, elsewhere, good[:-4]):
        answer = browser.post(page.action, login="li", password=PASSWORD, csrf=csrf)
        assert (answer.status, "页面已过期" in answer.text) == (400, True)
    assert stranger.post(page.action, login="li", password=PASSWORD, csrf=good).status == 400
    assert Browser(issuer).post(page.action, login="li", password=PASSWORD, csrf=good).status == 400
    issuer.clock.pass_by(minutes=10, seconds=1)
    assert browser.post(page.action, login="li", password=PASSWORD, csrf=good).status == 400


def test_an_expired_page_starts_again_with_the_same_destination(issuer: LiveIssuer, browser: Browser) -> None:
    page = browser.get(auth_url(issuer, state="kept"))
    issuer.clock.pass_by(hours=1)
    expired = browser.sign_in(page)
    restart = expired.text.split("href='")[1].split("'")[0].replace("&amp;", "&")
    assert answered(browser.sign_in(browser.get(restart)))["state"] == "kept"


def test_a_session_ends_when_idle_and_at_the_latest(issuer: LiveIssuer, browser: Browser) -> None:
    code_for(browser)
    issuer.clock.now += IDLE_LIFETIME
    assert browser.get(auth_url(issuer)).status == 200
    code_for(browser)
    begun = issuer.clock()
    while issuer.clock() - begun < ABSOLUTE_LIFETIME:
        assert browser.get(auth_url(issuer)).status == 303
        issuer.clock.pass_by(minutes=30)
    assert browser.get(auth_url(issuer)).status == 200


def test_every_factor_given_makes_a_new_cookie_and_kills_the_old(issuer: LiveIssuer, browser: Browser) -> None:
    browser.cookies[COOKIE] = "chosen-by-somebody-else"
    code_for(browser)
    one = browser.cookies[COOKIE]
    give_code(browser, browser.get(auth_url(issuer, acr_values="3")))
    two = browser.cookies[COOKIE]
    browser.sign_in(browser.get(auth_url(issuer, prompt="login")))
    three = browser.cookies[COOKIE]
    assert len({"chosen-by-somebody-else", one, two, three}) == 4
    for old in ("chosen-by-somebody-else", one, two):
        assert Browser(issuer, {COOKIE: old}).get(auth_url(issuer)).status == 200


def test_another_person_ends_the_first_ones_session(issuer: LiveIssuer, browser: Browser) -> None:
    code_for(browser)
    first = browser.cookies[COOKIE]
    browser.sign_in(browser.get(auth_url(issuer, prompt="login")), "wang")
    assert Browser(issuer, {COOKIE: first}).get(auth_url(issuer)).status == 200


def test_a_disabled_account_has_no_session_left(issuer: LiveIssuer, browser: Browser) -> None:
    code_for(browser)
    issuer.accounts.disable(issuer.accounts.verify("li", PASSWORD).sub)
    assert browser.get(auth_url(issuer)).status == 200


def test_session_ids_stand_in_no_file(issuer: LiveIssuer, browser: Browser) -> None:
    code = code_for(browser)
    folder = issuer.folder
    stored = b"".join(path.read_bytes() for path in folder.iterdir())
    assert browser.cookies[COOKIE].encode() not in stored
    assert code.encode() not in stored
