"""The whole line a city walks, in a browser: each step by the people of its offices, each claim as their pages tell it.

What a page cannot hold still is proven elsewhere: that no job has to run for a share to be over (`catalogue/test_shares`).
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from crypto import store
from crypto.lifecycle import State
from crypto.local_keys import create
from crypto.platform import CITY, PLATFORM
from storage.database import Database
from tests.faults.visitor import eventually
from tests.journeys.broken_controls import break_controls
from tests.journeys.browsing import CODE, sign_in
from tests.journeys.line import RESOURCE, Line
from tests.journeys.running_city import ROOT, City

LINGER = timedelta(minutes=11)  # longer than a browser may hold what nobody can count
SHARED_SECONDS = 15
_NUMBER = re.compile("^[0-9]+$")
NO_LONGER_MET = {
    "两种以上鉴别方式": "未配置第二鉴别因素的管理员：1 人",
    "数据与记录一致": "backup_work",
    "区域边界默认拒绝": "by-hand",
    "恢复演练验证": "最近一次恢复演练已超过",
    "密钥文件仅限本服务读取": "pairwise.key",
}
"""Requirements that are broken for a moment, and the word by which the next assessment names what broke."""
MET = ("审计记录受到保护", "虚拟机均位于", *NO_LONGER_MET)


@pytest.mark.profiles("direct", "stack")
def test_a_city_walks_its_whole_line_on_its_pages(city, visit, at_desk, tmp_path) -> None:
    line, citizen = Line(city, at_desk), visit()
    citizen.goto(city.portal("housing"))
    sign_in(citizen, city.person("wang"))
    with as_before(line):
        the_key_is_rotated(line, citizen)
        the_grade_decides(line, citizen)
        a_machine_is_placed_where_its_label_may_be(line)
        a_drill_proves_the_backup(line)
        data_is_shared_until_a_date(line, tmp_path)
        what_broke_is_named(line)
    reconciled = line.desk("chen")
    reconciled.goto(f"{city.console}/audit/reconcile")
    expect(reconciled.get_by_role("main")).to_contain_text("相符")


def the_key_is_rotated(line: Line, citizen: Page) -> None:
    """Two rotate it, everybody stays signed in, and the version before is destroyed when nothing is sealed under it."""
    page, told = line.rotate()
    expect(page.get_by_role("status")).to_contain_text(f"{line.city.deciding}/{line.city.deciding} 网关")
    assert "轮换密钥" in told
    assert "platform" in told
    versions = page.locator("section:has(form[action*='/platform/']) tbody tr")
    expect(versions).to_have_count(2)
    expect(versions.nth(1)).to_contain_text("仅解密")
    citizen.goto(line.city.portal("housing"))
    expect(citizen.get_by_role("heading", level=1)).to_have_text("您好，王秀英")
    closed_long_ago(line.city)
    for _ in range(2):  # one counts what is left, the next destroys
        assert line.city.ask("service:clock", "POST", "/api/v1/jobs/keys")[0] < 300
    page.reload()
    expect(versions).to_have_count(1)
    expect(page.get_by_role("main")).to_contain_text("已销毁")
    citizen.reload()
    expect(citizen.get_by_role("heading", level=1)).to_have_text("您好，王秀英")


def closed_long_ago(city: City) -> None:
    """As if the version had been closed when the last sign-in under way began that may hold its seal."""
    database = Database(city.database_url, connections=1)
    platform = sa.select(store.key.c.id).filter_by(department=CITY, name=PLATFORM).scalar_subquery()
    old = (store.key_version.c.key == platform) & (store.key_version.c.state == State.DECRYPT_ONLY)
    with database.transaction() as connection:
        connection.execute(sa.update(store.key_version).where(old).values(closed_at=datetime.now(UTC) - LINGER))
    database.close()


def the_grade_decides(line: Line, citizen: Page) -> None:
    """Two questions for S and two for A lead to S3A2; what has no label of its own has label 3 from then on."""
    citizen.goto(line.city.portal("housing") + "/files/1")
    expect(citizen.locator(CODE)).to_have_count(0)
    page, told = line.grade()
    assert "房产查询" in told
    assert "社会秩序、公共利益" in told
    main = page.get_by_role("main")
    expect(page.get_by_role("status")).to_contain_text(f"{line.city.deciding}/{line.city.deciding} 网关")
    for fact in ("第 3 级（S3A2）", "3 敏感", "郑伟 拟定", "冯静 复核"):
        expect(main).to_contain_text(fact)
    citizen.reload()
    expect(citizen.locator(CODE)).to_be_visible()


def a_machine_is_placed_where_its_label_may_be(line: Line) -> None:
    """The form says how much and where; a zone with a lower ceiling is refused by the door too; the data plane answers."""
    page = line.form()
    expect(page.get_by_role("main")).to_contain_text("已占用 0 / 16，剩余 16")
    low = page.get_by_role("row").filter(has_text="互联网区")
    expect(low).to_contain_text("安全域的标记上限与系统的安全标记：现为 1，需要 3")
    expect(low.get_by_role("button")).to_have_count(0)
    forged = "/departments/housing/zones/internet/systems/housing/machines"
    page.locator("button[formaction*='/zones/core/']").evaluate("(it, path) => it.formAction = path", forged)
    page.locator(f"button[formaction='{forged}']").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("无权访问")
    line.show(page, "line-refused")
    page.click("summary")
    expect(page.get_by_role("main")).to_contain_text("安全域的标记上限与系统的安全标记 1 / 3")
    page, told = line.place()
    for fact in ("住房和城乡建设局", "核心区", "房产查询", "登记库只读副本"):
        assert fact in told
    expect(page.get_by_role("row").filter(has_text="line-1")).to_contain_text("运行中")
    tested = line.zone_test().get_by_role("status")
    for fact in ("不能通过", "政务外网区 → 核心区", "tcp 443", "没有流量规则放行", "以上为数据面本身的回答"):
        expect(tested).to_contain_text(fact)
    page, told = line.open_flow()
    for fact in ("政务外网区", "核心区", "443", "登记库接口"):
        assert fact in told
    expect(page.get_by_role("status")).to_contain_text("✓ 可以通过")
    page.click("form[action='/zones/extranet/flows/core/tcp/443/close'] button")
    expect(page.get_by_role("status")).to_contain_text("✕ 不能通过")


def a_drill_proves_the_backup(line: Line) -> None:
    """Under another key than the one that signed it, it is red; under the right one it says what came back, and how fast."""
    newest = line.work("run").get_by_role("row").nth(1)
    expect(newest).to_contain_text("已保存，未经验证")
    key = line.city.data.with_name(f"{line.city.data.name}-backup-keys") / "sign.key"
    kept = key.rename(key.with_name("kept"))
    try:
        create(key)
        newest = line.work("drill", "wrong-key").get_by_role("row").nth(1)
        expect(newest).to_contain_text("未成功")
        expect(newest).not_to_contain_text("通过")
    finally:
        kept.rename(key)
    page = line.work("drill")
    expect(page.get_by_role("row").nth(1)).to_contain_text("通过")
    main = page.get_by_role("main")
    expect(main).to_contain_text("最近一次经验证的恢复：有效")
    expect(main).to_contain_text("金丝雀密文")
    expect(main.locator("dl .tag.ok")).to_have_text(["✓ 达标"] * 2)


def data_is_shared_until_a_date(line: Line, folder: Path) -> None:
    """Published with all its fields, asked for, granted until a date; its open API is answered through the door till then."""
    page = line.publish()
    resource = page.url.partition("?")[0].rpartition("/")[2]
    for field, value in RESOURCE.items():
        expect(page.get_by_role("main")).to_contain_text(value if field == "path" else value.replace("\n", " "))
    app = line.app("checker", folder / "app.key")
    assert called(line.city, folder / "app.key") == 3
    page, told = line.ask(app)
    for fact in ("房产登记信息", "checker", "核验婚前房产"):
        assert fact in told
    expect(page.get_by_role("row").filter(has_text="checker")).to_contain_text("核验婚前房产")
    assert called(line.city, folder / "app.key") == 0
    brief = line.app("brief", folder / "brief.key")
    until = shared(line.city, resource, brief)
    assert called(line.city, folder / "brief.key") == 0
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
    eventually(lambda: called(line.city, folder / "brief.key") == 3, 5)
    assert called(line.city, folder / "app.key") == 0


def shared(city: City, resource: str, app: str) -> datetime:
    """The same for an app and for seconds, which no form offers: a page knows days; until when."""
    shares = f"/api/v1/departments/housing/resources/{resource}/shares"
    until = datetime.now(UTC) + timedelta(seconds=SHARED_SECONDS)
    asked = {"app": app, "purpose": "核验", "until": until.isoformat()}
    by_two(city, shares, asked, who="qian", second="sun")
    return until


def by_two(city: City, path: str, body: object, *, who: str, second: str) -> None:
    """Asked for, approved and sent again by the API."""
    status, waits = city.ask(who, "POST", path, body)
    assert (status, waits["missing"]) == (403, "approver"), waits
    assert city.ask(second, "POST", f"{path}/approve/{waits['request']}", {"verdict": "approve"})[0] < 300
    assert city.ask(who, "POST", f"/.citygate/resume/{waits['request']}")[0] < 300


def called(city: City, key: Path) -> int:
    """The exit status of one signed call of the open API through the door."""
    url = f"{city.portal('housing').rstrip('/')}{RESOURCE['path']}"
    line = [sys.executable, "-m", "commands", "app", "call", str(key), url]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30).returncode


def what_broke_is_named(line: Line) -> None:
    """Every requirement with its status, its evidence and the leaf it rests on; what is broken meanwhile is told by the next."""
    page = line.assess()
    stands(page, dict.fromkeys(MET, "● 符合"))
    for found in page.locator("main tbody tr").filter(has_text="自动").all():
        expect(found.locator("td").last).to_have_text(_NUMBER)
    expect(page.get_by_role("main")).to_contain_text("审计管理员：2 人任职")
    with break_controls(line.city):
        page = line.assess()
        stands(page, dict.fromkeys(NO_LONGER_MET, "○ 不符合"))
        for requirement, word in NO_LONGER_MET.items():
            expect(page.get_by_role("row").filter(has_text=requirement)).to_contain_text(word)
    with page.expect_response("**/report.pdf") as report:
        page.click("a[href$='/report.pdf']")
    assert (report.value.status, report.value.headers["content-type"]) == (200, "application/pdf")


def stands(page: Page, wanted: dict[str, str]) -> None:
    for requirement, status in wanted.items():
        expect(page.get_by_role("row").filter(has_text=requirement)).to_contain_text(status)


@contextmanager
def as_before(line: Line) -> Iterator[None]:
    """Whoever uses this city next finds no machine, app or resource of ours, and property records at label 2."""
    city = line.city
    try:
        yield
    finally:
        for one in city.ask("sun", "GET", "/api/v1/departments/housing/machines")[1]["items"]:
            city.ask("sun", "DELETE", f"/api/v1/departments/housing/machines/{one['id']}")
        for one in city.ask("qian", "GET", "/api/v1/departments/civil/apps")[1]["items"]:
            city.ask("qian", "DELETE", f"/api/v1/departments/civil/apps/{one['id']}")
        for one in city.ask("sun", "GET", "/api/v1/catalogue")[1]["items"]:
            city.ask("sun", "DELETE", f"/api/v1/departments/housing/resources/{one['id']}")
        answers = {"s_harmed": "society", "s_harm": "general", "a_harmed": "society", "a_harm": "general"}
        path = "/api/v1/systems/housing/grade"
        by_two(city, path, answers | {"basis": "as before"}, who="zheng", second="feng")
