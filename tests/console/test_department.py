"""The people desk at the door: the form gives and takes, refuses by field, and shows names as data."""

import re
from html import unescape
from urllib.parse import urlsplit

import pytest

from audit.event import EventKind
from audit.record import decode
from tests.founded_city import Answer, CityDoor, tomorrow

PEOPLE = "/departments/civil/people"
RTL = "\u202e"


@pytest.fixture(scope="module")
def cookie(door: CityDoor) -> str:
    """qian's browser."""
    return door.sign_in("qian")


def page_of(door: CityDoor, person: str = "zhao", department: str = "civil") -> str:
    return f"/departments/{department}/people/{door.ids[person]}"


def form(door: CityDoor, cookie: str, **changes: str) -> dict[str, str]:
    return {
        "csrf": door.csrf(cookie),
        "role": "marriage-clerk",
        "department": "civil",
        "clearance": "2",
        "until": tomorrow()[:10],
        "reason": "窗口轮岗",
    } | changes


def give(door: CityDoor, cookie: str, person: str = "zhao", **changes: str) -> Answer:
    return door.ask(
        "POST", f"{page_of(door, person)}/assignments", cookie=cookie, page=True, form=form(door, cookie, **changes)
    )


def take_all(door: CityDoor) -> None:
    for person in ("zhao", "qian"):
        base = f"/api/v1{page_of(door, person)}/assignments"
        for held in door.ask("GET", base, "zheng").json["items"]:
            if held["role"] == "marriage-clerk":
                assert door.ask("DELETE", f"{base}/{held['id']}", "zheng").status == 200


@pytest.fixture(autouse=True)
def nothing_held(door: CityDoor) -> None:
    take_all(door)


def test_a_role_is_given_shown_with_its_receipt_and_taken_back(door: CityDoor, cookie: str) -> None:
    given = give(door, cookie)
    assert given.status == 303
    shown = door.ask("GET", given.location, cookie=cookie, page=True).text
    assert "婚姻登记员" in shown
    revoke = re.search(r'action="([^"]+/revoke)"', shown)
    assert revoke
    taken = door.ask("POST", unescape(revoke[1]), cookie=cookie, page=True, form={"csrf": door.csrf(cookie)})
    assert taken.status == 303
    assert not re.search(
        r"/revoke", door.ask("GET", page_of(door), cookie=cookie, page=True).text.split('id="past"')[0]
    )


def test_a_receipt_counts_on_its_own_page_alone(door: CityDoor, cookie: str) -> None:
    query = urlsplit(give(door, cookie).location).query
    own = door.ask("GET", f"{page_of(door)}?{query}", cookie=cookie, page=True).text
    elsewhere = door.ask("GET", f"{page_of(door, 'qian')}?{query}", cookie=cookie, page=True).text
    forged = door.ask("GET", f"{page_of(door)}?receipt={'00' * 80}", cookie=cookie, page=True).text
    plain = door.ask("GET", page_of(door), cookie=cookie, page=True).text
    assert 'role="status"' in own
    assert [('role="status"' in text) for text in (elsewhere, forged, plain)] == [False, False, False]


def test_a_second_click_is_told_in_words(door: CityDoor, cookie: str) -> None:
    give(door, cookie)
    again = give(door, cookie)
    assert again.status == 409
    assert "已持有此角色" in again.text


def test_two_offices_are_a_conflict_told_in_words(door: CityDoor) -> None:
    cookie = door.sign_in("zheng")
    wanted = form(door, cookie, role="department-administrator", department="city")
    target = f"{page_of(door, 'chen', 'city')}/assignments"
    answer = door.ask("POST", target, cookie=cookie, page=True, form=wanted)
    assert answer.status == 409
    assert "审计管理员" in answer.text


@pytest.mark.parametrize("csrf", ["", "0" * 32, None])
def test_a_form_from_elsewhere_changes_nothing(door: CityDoor, cookie: str, csrf: str | None) -> None:
    wanted = form(door, cookie) | {"csrf": csrf or ""}
    if csrf is None:
        del wanted["csrf"]
    answer = door.ask("POST", f"{page_of(door)}/assignments", cookie=cookie, form=wanted)
    assert (answer.status, answer.json["code"]) == (403, "csrf-refused")
    assert not [
        one
        for one in door.ask("GET", f"/api/v1{page_of(door)}/assignments", "qian").json["items"]
        if one["role"] == "marriage-clerk"
    ]


def test_one_persons_role_is_not_taken_under_anothers_name(door: CityDoor, cookie: str) -> None:
    given = give(door, cookie)
    shown = door.ask("GET", given.location, cookie=cookie, page=True).text
    own = unescape(re.search(r'action="([^"]+/revoke)"', shown)[1])
    other = own.replace(door.ids["zhao"], door.ids["qian"])
    assert door.ask("POST", other, cookie=cookie, form={"csrf": door.csrf(cookie)}).json["code"] == "assignment-unknown"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": ""}, "请填写日期"),
        ({"until": "tomorrow"}, "请填写日期"),
        ({"until": "2026-02-30"}, "请填写日期"),
        ({"until": "2020-01-01"}, "日期"),
        ({"until": "9999-12-31"}, "日期"),
        ({"until": "0001-01-01"}, "日期"),
        ({"reason": ""}, "请填写事由"),
        ({"reason": "  "}, "请填写事由"),
        ({"reason": "x" * 201}, "请填写事由"),
        ({"reason": "a\nb"}, "一行文字"),
        ({"reason": f"a{RTL}b"}, "一行文字"),
        ({"reason": "a\x1b[2Jb"}, "一行文字"),
        ({"reason": "a\0b"}, "一行文字"),
        ({"reason": "a\u2028b"}, "一行文字"),
        ({"role": ""}, "请选择角色"),
        ({"clearance": ""}, "您无权在该部门按此许可标记授予该角色。"),
        ({"clearance": "²"}, "您无权在该部门按此许可标记授予该角色。"),
        ({"clearance": "9"}, "您无权在该部门按此许可标记授予该角色。"),
    ],
)
def test_what_is_wrong_with_the_form_is_said_and_nothing_typed_is_lost(
    door: CityDoor, cookie: str, change: dict, said: str
) -> None:
    answer = give(door, cookie, **change)
    assert answer.status == 422
    assert said in answer.text
    if "reason" not in change:
        assert "窗口轮岗" in answer.text


@pytest.mark.parametrize(
    "change",
    [{"role": "housing-clerk"}, {"role": "nothing"}, {"clearance": "4"}, {"department": "housing"}, {"department": ""}],
)
def test_what_may_not_be_given_is_said_on_the_page(door: CityDoor, cookie: str, change: dict[str, str]) -> None:
    answer = give(door, cookie, **change)
    assert answer.status == 403
    assert "您无权在该部门按此许可标记授予该角色。" in answer.text


HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "%(what)s",
    "𠮷 & <b>",
]


@pytest.mark.parametrize("reason", HOSTILE)
def test_a_hostile_reason_is_text_on_every_page_and_one_line_in_the_record(
    door: CityDoor, cookie: str, reason: str
) -> None:
    wrong = give(door, cookie, reason=reason, until="")
    given = give(door, cookie, reason=reason)
    assert given.status == 303
    events = door.records()
    leaf, event = next(
        (n, one)
        for n, one in reversed(list(enumerate(events)))
        if one.kind is EventKind.OUTCOME and "reason" in one.detail
    )
    assert event.detail["reason"] == reason
    assert b"\n" not in decode(door.city.records.log.read(leaf).record).event
    shown = door.ask("GET", f"/audit/events/{leaf}", cookie=door.sign_in("chen"), page=True).text
    for text in (wrong.text, shown):
        assert unescape(text).count(reason) >= 1
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "onerror=alert(1)>" not in text


def test_people_are_found_by_name_and_login_and_the_page_is_of_this_tree(door: CityDoor, cookie: str) -> None:
    text = door.ask("GET", PEOPLE, cookie=cookie, page=True).text
    assert "赵敏" in text
    assert "孙丽" not in text
    assert "赵敏" not in door.ask("GET", f"{PEOPLE}?q=%25", cookie=cookie, page=True).text
    assert "赵敏" in door.ask("GET", f"{PEOPLE}?q=zh", cookie=cookie, page=True).text


def test_who_is_not_of_this_tree_is_not_there(door: CityDoor, cookie: str) -> None:
    for person in ("sun", "wang"):
        assert door.ask("GET", page_of(door, person), cookie=cookie).status == 404
    assert door.ask("GET", "/departments/civil/people/user:nobody", cookie=cookie).json["code"] == "person-unknown"


def test_an_expired_role_is_not_shown_as_held(door: CityDoor, cookie: str) -> None:
    give(door, cookie)
    with door.city.stores.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE assignment SET expires_at = '2026-01-01 00:00:00.000000' WHERE role = 'marriage-clerk'"
        )
    assert "/revoke" not in door.ask("GET", page_of(door), cookie=cookie, page=True).text
    assert "婚姻登记员" not in door.ask("GET", PEOPLE, cookie=cookie, page=True).text


def test_the_form_says_that_the_reason_carries_no_personal_data(door: CityDoor, cookie: str) -> None:
    text = door.ask("GET", page_of(door), cookie=cookie, page=True, headers={"accept-language": "en"}).text
    assert "No personal data" in text


def test_a_password_alone_is_not_enough_for_the_desk(door: CityDoor) -> None:
    weak = door.sign_in("sun", assurance=2)
    answer = door.ask("GET", "/departments/housing/people", cookie=weak)
    assert (answer.status, answer.json["missing"]) == (401, "assurance")
    assert 'acr_values="3"' in answer.headers["www-authenticate"]
