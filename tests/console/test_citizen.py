"""The home page at the door: a person's own sessions, and an end that is an end everywhere."""

import re
from datetime import timedelta

import pytest

from audit.event import EventKind
from console.signin.pages import _device_of
from idp.session import COOKIE
from tests.founded_city import CityDoor


@pytest.fixture
def cookie(door: CityDoor) -> str:
    return door.sign_in("wang", assurance=2)


def is_signed_in(door: CityDoor, cookie: str) -> bool:
    return door.ask("GET", "/api/v1/sessions", cookie=cookie).status == 200


def session_of(door: CityDoor, who: str) -> str:
    return door.city.people.sessions.list_alive(door.ids[who])[0].id


def test_home_shows_where_she_is_signed_in_and_no_desk(door: CityDoor, cookie: str) -> None:
    answer = door.ask("GET", "/", cookie=cookie, page=True)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert session_of(door, "wang") in answer.text
    assert "/audit" not in answer.text
    assert "/departments/" not in answer.text


@pytest.mark.parametrize(
    ("who", "desk"), [("qian", "/departments/civil/people"), ("zheng", "/departments/city/people"), ("chen", "/audit")]
)
def test_home_leads_to_the_desk_of_an_office(door: CityDoor, who: str, desk: str) -> None:
    assert f'href="{desk}"' in door.ask("GET", "/", cookie=door.sign_in(who), page=True).text


def test_she_ends_one_session_and_the_others_go_on(door: CityDoor, cookie: str) -> None:
    other = door.sign_in("wang")
    target = f"/sessions/{session_of(door, 'wang')}/end"
    assert door.ask("POST", target, cookie=cookie, form={"csrf": door.csrf(cookie)}).status == 303
    assert (is_signed_in(door, other), is_signed_in(door, cookie)) == (False, True)


def test_she_sees_her_devices_this_one_first_and_the_others_by_last_use(door: CityDoor) -> None:
    clock, cookies = door.city.clock, dict[str, str]()
    for minutes, device in enumerate(("Edge 126 · Windows 10", "Firefox 128 · Linux", "", "<script>alert(1)</script>")):
        clock.ahead = timedelta(minutes=minutes)  # type: ignore[attr-defined]
        cookies[device] = door.sign_in("he", device=device)
    page = door.ask("GET", "/", cookie=cookies["Firefox 128 · Linux"], page=True).text
    clock.ahead = timedelta()  # type: ignore[attr-defined]
    shown = re.findall(r'<div class="headline"><strong>(.*?)</strong>(<span class="tag permit">)?', page)
    assert [name for name, _ in shown] == [
        "Firefox 128 · Linux", "&lt;script&gt;alert(1)&lt;/script&gt;", "未知浏览器", "Edge 126 · Windows 10",
    ]  # fmt: skip
    assert [bool(current) for _, current in shown] == [True, False, False, False]


_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128 · Linux"),
        (_IPHONE, "Mobile Safari 17 · iOS 17"),
        ("", ""), ("\x00<b>", ""), ("Mozilla/" + " " * 5000, ""),
    ],
)  # fmt: skip
def test_a_browser_is_named_by_what_it_calls_itself_and_an_unknown_one_is_not(user_agent: str, device: str) -> None:
    assert _device_of(user_agent) == device


def test_whoever_ended_a_session_is_told_so_once_and_nobody_else_by_that_link(door: CityDoor, cookie: str) -> None:
    door.sign_in("wang")
    target = f"/sessions/{session_of(door, 'wang')}/end"
    answer = door.ask("POST", target, cookie=cookie, form={"csrf": door.csrf(cookie)}, page=True)
    place = answer.headers["location"]
    assert (answer.status, place.startswith("/?receipt=")) == (303, True)
    assert "会话已结束" in door.ask("GET", place, cookie=cookie, page=True).text
    assert "会话已结束" not in door.ask("GET", "/", cookie=cookie, page=True).text
    assert "会话已结束" not in door.ask("GET", place, cookie=door.sign_in("sun"), page=True).text


def test_nobody_ends_somebody_elses_session_or_learns_that_it_is_there(door: CityDoor, cookie: str) -> None:
    victim = door.sign_in("sun")
    answers = [
        door.ask("POST", f"/sessions/{session}/end", cookie=cookie, form={"csrf": door.csrf(cookie)})
        for session in (session_of(door, "sun"), "01UNKNOWN", "x" * 300)
    ]
    assert {(answer.status, answer.json["code"]) for answer in answers} == {(404, "session-unknown")}
    assert is_signed_in(door, victim)


def test_signing_out_everywhere_ends_every_session_of_hers_at_once(door: CityDoor, cookie: str) -> None:
    cookies, sun = [cookie, *(door.sign_in("wang") for _ in range(3))], door.sign_in("sun")
    assert all(is_signed_in(door, one) for one in cookies)  # every gateway knows them
    answer = door.ask("POST", "/sessions/end-all", cookie=cookie, page=True, form={"csrf": door.csrf(cookie)})
    assert answer.status == 200
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=;")
    assert not any(is_signed_in(door, one) for one in cookies)
    assert is_signed_in(door, sun)
    outcome = [one for one in door.records() if one.kind is EventKind.OUTCOME and "sessions" in one.detail][-1]
    assert outcome.subject == door.ids["wang"]
    assert outcome.detail["sessions"] >= 4


@pytest.mark.parametrize("target", ["/sessions/end-all", "/sessions/01X/end"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "http://evil.localhost:8080"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)
def test_a_form_of_another_page_ends_nothing(door: CityDoor, cookie: str, target: str, headers: dict[str, str]) -> None:
    form = {"csrf": door.csrf(cookie)} if headers else {}
    answer = door.ask("POST", target, cookie=cookie, form=form, headers=headers)
    assert (answer.status, answer.json["code"]) == (403, "csrf-refused")
    assert is_signed_in(door, cookie)


def test_a_link_ends_nothing(door: CityDoor, cookie: str) -> None:
    assert door.ask("GET", "/sessions/end-all", cookie=cookie).status == 405
    assert is_signed_in(door, cookie)


def test_a_cookie_counts_on_its_own_host_alone(door: CityDoor, cookie: str) -> None:
    answer = door.ask("GET", "/.citygate/logout", cookie=cookie, host="console.localhost")
    assert answer.status == 200
    both = door.ask("GET", "/", headers={"cookie": f"{COOKIE}={cookie}; {COOKIE}={cookie}"})
    assert (both.status, both.json["code"]) == (401, "credential-rejected")
    with_key = door.ask("GET", "/", "wang", cookie=cookie)
    assert (with_key.status, with_key.json["code"]) == (401, "credential-rejected")
