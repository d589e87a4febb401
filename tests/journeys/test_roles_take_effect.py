"""A role given or taken back is in force at the next click, inside the department and within what one may give."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.journeys.browsing import decision_of, give_role, reload_until, sign_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Who serves at a portal's counter, and who sends her there."""

    portal: str
    department: str
    clerk: str
    name: str
    administrator: str
    role: str
    title: str


COUNTERS = (
    Counter(
        portal="marriage",
        department="民政局",
        clerk="zhao",
        name="赵敏",
        administrator="qian",
        role="marriage-clerk",
        title="婚姻登记员",
    ),
    Counter(
        portal="housing",
        department="住房和城乡建设局",
        clerk="he",
        name="何洁",
        administrator="sun",
        role="housing-clerk",
        title="房产查询员",
    ),
)  # behind nginx the first is inline, the second asked for by `auth_request`


@pytest.mark.parametrize("at", COUNTERS, ids=lambda at: at.portal)
def test_a_role_opens_a_portal_at_the_next_click_and_closes_it_again(city, visit, at_desk, at) -> None:
    clerk, desk, chen = visit(), at_desk(at.administrator), at_desk("chen")
    clerk.goto(city.portal(at.portal))
    sign_in(clerk, city.person(at.clerk))
    expect(clerk.get_by_role("heading", level=1)).to_have_text("无权访问")
    expect(clerk.get_by_role("main")).to_contain_text("所持角色均无此项权限。")
    expect(clerk.get_by_role("main")).to_contain_text(f"相关角色由该部门的管理员授予：{at.department}。")
    expect(clerk.get_by_role("link", name="返回我的主页")).to_be_visible()
    chen.goto(f"{city.console}/audit?request={decision_of(clerk)}")
    denied = chen.get_by_role("row").filter(has_text=at.name).filter(has_text="拒绝")
    reload_until(chen, denied)
    expect(denied).to_contain_text(f"/{at.portal}/")

    desk.goto(city.console)
    desk.locator("header").get_by_role("link", name="人员").click()
    desk.get_by_role("link", name=at.name).click()
    give_role(desk, at.role, "窗口轮岗")
    expect(desk.get_by_role("status")).to_contain_text(f"{city.deciding}/{city.deciding} 网关")
    clerk.reload()
    expect(clerk.get_by_role("heading", level=1)).to_have_text(f"您好，{at.name}")

    desk.get_by_role("row").filter(has_text=at.title).get_by_role("button", name="收回").click()
    expect(desk.get_by_role("status")).to_contain_text(f"{city.deciding}/{city.deciding} 网关")
    clerk.reload()
    expect(clerk.get_by_role("heading", level=1)).to_have_text("无权访问")


def test_giving_is_undone_with_one_button(city, at_desk) -> None:
    qian = at_desk("qian")
    qian.goto(f"{city.console}/departments/civil/people/{city.subject('zhao')}")
    give_role(qian, "marriage-clerk", "误操作")
    qian.get_by_role("button", name="撤销本次操作").click()
    expect(qian.get_by_role("status")).to_contain_text("已收回")
    expect(qian.get_by_role("row").filter(has_text="婚姻登记员")).to_have_count(0)


def test_a_department_administrator_does_not_see_other_departments(city, at_desk) -> None:
    sun, zhao = at_desk("sun"), city.subject("zhao")
    for path, status in {
        "/departments/civil/people": 403,
        f"/api/v1/departments/civil/people/{zhao}/assignments": 403,
        f"/departments/housing/people/{zhao}": 404,
    }.items():
        answer = sun.goto(city.console + path)
        assert answer
        assert answer.status == status, path
        expect(sun.get_by_role("main")).not_to_contain_text("赵敏")


@pytest.mark.parametrize(
    ("to", "changed"),
    [
        ("zhao", {"role": "housing-clerk"}),
        ("zhao", {"clearance": 4}),
        ("zhao", {"role": "department-administrator"}),
        ("qian", {}),
    ],
    ids=["another-department's", "above-the-ceiling", "an-office", "to-oneself"],
)
def test_nobody_gives_more_than_he_may_give(city, to, changed) -> None:
    status, problem = city.assign("qian", to, **changed)
    assert (status, problem["code"]) == (403, "may-not-grant")


@pytest.mark.profiles("direct")
def test_an_office_given_without_a_clearance_opens_its_desk(city, at_desk) -> None:
    """By the command, by the API and by the desk's form as it opens."""
    until, subject = (datetime.now(UTC) + timedelta(days=1)).isoformat(), city.subject("he", "housing")
    assignments = f"/api/v1/departments/housing/people/{subject}/assignments"

    def by_command() -> None:
        line = ("role", "assign", "housing", "he", "department-administrator", "--until", until, "--reason", "轮岗")
        done = city.command(*line, "--as", "zheng")
        assert done.returncode == 0, done.stderr

    def by_api() -> None:
        body = {"role": "department-administrator", "expires_at": until, "reason": "轮岗"}
        assert city.ask("zheng", "POST", assignments, body)[0] == 201

    def by_form() -> None:
        zheng = at_desk("zheng")
        zheng.goto(f"{city.console}/departments/housing/people/{subject}")
        give_role(zheng, "department-administrator", "轮岗")
        expect(zheng.get_by_role("status")).to_contain_text("网关")

    for give in (by_command, by_api, by_form):
        assert city.ask("he", "GET", "/api/v1/departments/housing/people")[0] == 403
        give()
        assert city.ask("he", "GET", "/api/v1/departments/housing/people")[0] == 200, give.__name__
        (given,) = [
            one
            for one in city.ask("zheng", "GET", assignments)[1]["items"]
            if one["role"] == "department-administrator"
        ]
        assert given["clearance"] == 3
        assert city.ask("zheng", "DELETE", f"{assignments}/{given['id']}")[0] == 200


def test_a_form_of_another_session_is_refused(city, at_desk) -> None:
    qian = at_desk("qian")
    qian.goto(f"{city.console}/departments/civil/people/{city.subject('zhao')}")
    qian.evaluate("document.querySelectorAll('main [name=csrf]').forEach(input => input.value = 'f'.repeat(32))")
    give_role(qian, "marriage-clerk", "伪造")
    expect(qian.get_by_role("main")).to_contain_text("表单不是由您当前会话的页面提交的。")
    qian.go_back()
    qian.reload()
    expect(qian.get_by_role("row").filter(has_text="婚姻登记员")).to_have_count(0)
