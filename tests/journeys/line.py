"""The line a city walks, as the people of its offices walk it on their pages; the same in both languages."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.journeys.browsing import decision_of
from tests.journeys.running_city import City

ANSWERS = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general"}  # S3A2
MACHINE = {"name": "line-1", "cpu": "1", "memory_gib": "1", "disk_gib": "1", "purpose": "登记库只读副本"}
RESOURCE = {
    "path": "/open/properties", "name": "房产登记信息", "produced": "2026-01-01", "publisher": "住建局", "category": "shared",
    "version": "1.0", "carrier": "electronic", "form": "table", "location": "核心区", "description": "全市房产登记\n不含户主信息",
}  # fmt: skip
_WORKED_SECONDS = 60


def _unseen(_page: Page, _name: str) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Line:
    """`desk` gives the page of somebody who is signed in; `show` is told of every page on the way."""

    city: City
    desk: Callable[[str], Page]
    show: Callable[[Page, str], None] = _unseen

    def to(self, who: str, path: str) -> Page:
        """Her page, led there by the link in the head of wherever she is."""
        page = self.desk(who)
        if not page.url.startswith(self.city.console):
            page.goto(self.city.console)
        go(page.locator(f"header a[href$='{path}']"))
        return page

    def by_two(self, asks: str, second: str) -> str:
        """What `asks` has just asked for is approved by the other and sent again; what the other read of it."""
        page, other = self.desk(asks), self.to(second, "/requests")
        self.show(page, "line-asked")
        card = other.locator("article", has_text=decision_of(page))
        self.show(other, "line-waiting")
        told = card.inner_text()
        go(card.locator("form:has([value=approve]) button"))
        self.show(other, "line-approved")
        number = decision_of(page)
        go(page.locator("main .actions a[href$='/requests']"))
        go(page.locator("article", has_text=number).locator("a.button"))
        self.show(page, "line-resume")
        go(page.locator("main .actions form button"))
        return told

    def rotate(self) -> tuple[Page, str]:
        """The platform's key is rotated."""
        page = self.to("zheng", "/keys")
        go(page.locator("form[action='/departments/city/keys/platform/rotate'] button"))
        told = self.by_two("zheng", "feng")
        self.show(page, "line-keys")
        return page, told

    def grade(self) -> tuple[Page, str]:
        """Property records become S3A2."""
        page = self.to("zheng", "/systems")
        self.show(page, "line-systems")
        go(page.locator("main a[href='/systems/housing']"))
        for question, answer in ANSWERS.items():
            page.select_option(f"#{question}", answer)
        page.fill("#basis", "全市房产登记，被篡改即影响公共利益")
        go(page.locator("main form[method=get] button"))
        self.show(page, "line-grade")
        go(page.locator("form[action='/systems/housing/grade'] button"))
        told = self.by_two("zheng", "feng")
        self.show(page, "line-graded")
        return page, told

    def form(self) -> Page:
        """The form that asks for a machine, filled."""
        page = self.to("sun", "/machines")
        go(page.locator("main a[href$='/machines/new']"))
        for field, value in MACHINE.items():
            page.fill(f"#{field}", value)
        self.show(page, "line-machine")
        return page

    def place(self) -> tuple[Page, str]:
        """The machine is asked for where the form allows it, and placed."""
        page = self.form()
        go(page.locator("button[formaction*='/zones/core/']"))
        told = self.by_two("sun", "zhou")
        self.show(page, "line-machines")
        return page, told

    def zone_test(self, who: str = "zhou") -> Page:
        """Does anything pass from the extranet to the core, port 443?"""
        page = self.to(who, "/zones")
        page.select_option("#from", "extranet")
        page.select_option("#to", "core")
        page.fill("#port", "443")
        go(page.locator("main form[method=get] button"))
        self.show(page, "line-zones")
        return page

    def open_flow(self) -> tuple[Page, str]:
        """What did not pass is asked for where the data plane said so, and opened."""
        page = self.zone_test("zheng")
        page.select_option("#owner", "housing")
        page.fill("#reason", "登记库接口")
        go(page.locator("form[action='/zones/extranet/flows/core/tcp/443'] button"))
        told = self.by_two("zheng", "feng")
        self.show(page, "line-flow")
        return page, told

    def work(self, verb: str, name: str = "") -> Page:
        """A backup (`run`) or a `drill`, waited for; one at a time, and the clock may have begun one."""
        page = self.to("zhou", "/backups")
        for press in (True, False):
            for _ in range(_WORKED_SECONDS):
                if not under_way(page).count():
                    break
                page.wait_for_timeout(1000)
                page.reload()
            if press:
                go(page.locator(f"form[action='/backups/{verb}'] button"))
                self.show(page, f"line-{name or verb}-begun")
        self.show(page, f"line-{name or verb}")
        return page

    def publish(self) -> Page:
        """Housing publishes what it registers."""
        page = self.to("sun", "/catalogue")
        go(page.locator("main a[href='/departments/housing/resources/new']"))
        page.select_option("#system", "housing")
        for field, value in RESOURCE.items():
            page.fill(f"#{field}", value)
        self.show(page, "line-publish")
        go(page.locator("main form[method=post] button"))
        self.show(page, "line-published")
        return page

    def app(self, name: str, key: Path) -> str:
        """Civil affairs makes an app; its secret goes where the page says, and its id comes back."""
        page = self.to("qian", "/apps")
        page.fill("#name", name)
        go(page.locator("form[action='/departments/civil/apps'] button"))
        self.show(page, "line-app")
        made = page.locator("main [role=status] code").all_inner_texts()
        key.touch(mode=0o600)
        key.write_text(json.dumps(dict(zip(("id", "secret"), made, strict=True))))
        return made[0]

    def ask(self, app: str) -> tuple[Page, str]:
        """Civil affairs asks to use it from the page of the resource, until tomorrow."""
        page = self.to("qian", "/catalogue")
        page.fill("#q", RESOURCE["name"])
        go(page.locator("main form[role=search] button"))
        self.show(page, "line-catalogue")
        go(page.get_by_role("link", name=RESOURCE["name"], exact=True))
        page.select_option("#app", app)
        page.fill("#until", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}")
        page.fill("#purpose", "核验婚前房产")
        self.show(page, "line-resource")
        go(page.locator("form[action$='/shares'] button"))
        told = self.by_two("qian", "sun")
        self.show(page, "line-shared")
        return page, told

    def assess(self) -> Page:
        """Property records are assessed."""
        page = self.to("zheng", "/systems")
        go(page.locator("main a[href='/systems/housing']"))
        go(page.locator("form[action='/systems/housing/assessments'] button"))
        self.show(page, "line-assessment")
        return page


def go(there: Locator) -> None:
    """Where a link or a button leads; the page that comes of it is there."""
    with there.page.expect_navigation():
        there.click()


def under_way(page: Page) -> Locator:
    """The panel of a backup or a drill that runs."""
    return page.locator("main .panel a[href='/backups']")
