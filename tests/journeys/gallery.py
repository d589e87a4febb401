"""Every page of the journeys for the eye: `python -m tests.journeys.gallery FOLDER`, in both languages and schemes."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.journeys.browsing import (
    CHROMIUM,
    decision_of,
    desks,
    give_role,
    reload_until,
    second_factor,
    sign_in,
    sign_in_with_code,
)
from tests.journeys.line import Line
from tests.journeys.running_city import PORTALS, City, running

WIDTHS = (1280, 360)
Show = Callable[[Page, str], None]


def citizen(city: City, page: Page, show: Show) -> None:
    """Sign in, every portal, step-up with a form, home, sign out."""
    page.goto(city.portal("marriage") + "/applications")
    show(page, "login")
    sign_in(page, {"login": "wang", "password": "wrong"})
    show(page, "login-wrong")
    sign_in(page, city.person("wang"))
    page.wait_for_url(city.portal("marriage") + "/**")
    for portal in PORTALS:
        page.goto(city.portal(portal))
        show(page, f"portal-{portal}")
    page.goto(city.console)
    show(page, "home")
    page.goto(city.portal("marriage") + "/applications")
    page.fill("#text", "办理购房贷款，需两份。\n「甲 & 乙」")
    page.evaluate("document.forms[0].action = '/certificates/17'")
    page.click("main button")
    show(page, "step-up")
    page.click("main .actions a.button")
    show(page, "second-factor")
    second_factor(page, city.person("wang"))
    page.wait_for_url("**/.citygate/resume/*")
    show(page, "resume")
    page.click("main form button")
    show(page, "portal-received")
    page.goto(city.portal("marriage") + "/.citygate/logout")
    show(page, "sign-out")
    page.goto(city.console)
    page.click("form[action='/sessions/end-all'] button")
    show(page, "signed-out")
    page.goto(city.console + "/nowhere")
    show(page, "not-found")


def staff(city: City, page: Page, desk: Page, auditor: Page, show: Show) -> None:
    """A refusal, the department's desk, the audit administrator's."""
    page.goto(city.portal("marriage"))
    sign_in(page, city.person("zhao"))
    page.wait_for_url(city.portal("marriage") + "/")
    show(page, "refusal")
    sign_in_with_code(desk, city, "qian")
    show(desk, "home-administrator")
    desk.goto(f"{city.console}/departments/civil/people")
    show(desk, "people")
    desk.click("main tbody tr:has-text('赵敏') a")
    give_role(desk, "marriage-clerk", "窗口轮岗")
    show(desk, "person-receipt")
    desk.click("main tbody form button")
    show(desk, "person-taken-back")
    desk.click("section:has(#give) .actions button")
    desk.fill("#until", "2020-01-01")
    desk.select_option("#role", "marriage-clerk")
    desk.fill("#reason", "x")
    desk.click("section:has(#give) .actions button")
    show(desk, "person-errors")
    sign_in_with_code(auditor, city, "chen")
    auditor.goto(f"{city.console}/audit")
    show(auditor, "audit-search")
    auditor.goto(f"{city.console}/audit?who=赵敏")
    done = auditor.locator("main tbody tr:has(.ok) a")
    reload_until(auditor, done)
    show(auditor, "audit-search-person")
    done.first.click()
    show(auditor, "audit-event")
    auditor.goto(f"{city.console}/audit?request={decision_of(page)}")
    show(auditor, "audit-decision")
    auditor.goto(f"{city.console}/audit?who=nobody")
    show(auditor, "audit-nobody")


def whole_line(city: City, desk: Callable[[str], Page], show: Show, secrets: Path) -> None:
    """Every page of the line that a city walks."""
    line = Line(city, desk, show)
    line.rotate()
    line.grade()
    line.place()
    line.zone_test()
    line.open_flow()
    line.work("run")
    line.work("drill")
    line.publish()
    line.ask(line.app("checker", secrets / "app.key"))
    line.assess()


def main(folder: Path) -> None:
    """Take them all."""

    def show(page: Page, name: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                page.screenshot(path=folder / f"{name}-{locale}-{scheme}-{width}.png", full_page=True)
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    print(f"wider than its window: {name}-{locale}-{width}", file=sys.stderr)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        for locale in ("zh-CN", "en-US"):
            with tempfile.TemporaryDirectory() as scratch, running(Path(scratch) / "city") as city:
                pages = [browser.new_context(locale=locale).new_page() for _ in range(4)]
                citizen(city, pages[0], show)
                staff(city, *pages[1:], show)
                desk = desks(city, lambda locale=locale: browser.new_context(locale=locale).new_page())
                whole_line(city, desk, show, Path(scratch))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
