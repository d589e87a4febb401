"""A citizen signs in once, sees where, and ends it everywhere."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.browsing import expect_login, sign_in
from tests.journeys.running_city import PORTALS

PROFILES = {"chinese": {}, "english": {"locale": "en-US"}, "without-javascript": {"java_script_enabled": False}}
EVERYWHERE = re.compile("^(全部退出|Sign out everywhere)$")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_one_sign_in_opens_every_portal_and_one_button_ends_them_all(city, visit, profile) -> None:
    page, wang = visit(**profile), city.person("wang")
    page.goto(city.portal("marriage"))
    sign_in(page, wang)
    for portal in PORTALS:
        page.goto(city.portal(portal))
        expect(page).to_have_url(city.portal(portal) + "/")
        expect(page.get_by_role("heading", level=1)).to_contain_text(wang["name"])

    page.goto(city.console)
    mine = page.locator(".session", has=page.locator(".tag"))
    for portal in PORTALS:
        expect(mine).to_contain_text(f"{portal}.localhost")

    sessions = page.locator(".session").count()
    page.get_by_role("button", name=EVERYWHERE).click()
    told = page.get_by_role("status")
    expect(told).to_contain_text(re.compile(rf"已结束 {sessions} 个会话|{sessions} sessions? ended"))
    expect(told).to_contain_text(
        re.compile(f"{city.deciding}/{city.deciding} 网关|{city.deciding} of {city.deciding} gateways")
    )
    expect(page.locator("header")).not_to_contain_text(wang["name"])
    page.wait_for_timeout(1_000)  # the issuer is told while nobody waits for it
    for portal in PORTALS:
        page.goto(city.portal(portal))
        expect_login(page)


def test_signing_out_here_leaves_other_devices_signed_in(city, visit) -> None:
    here, there = visit(), visit()
    for page in (here, there):
        page.goto(city.portal("marriage"))
        sign_in(page, city.person("wang"))
    here.goto(city.console)
    here.locator("header").get_by_role("button", name="退出登录").click()
    here.goto(city.portal("marriage"))
    expect_login(here)
    there.reload()
    expect(there.get_by_role("heading", level=1)).to_contain_text("王秀英")


def test_a_session_ended_from_another_device_has_to_sign_in_anew(city, visit) -> None:
    here, there = visit(), visit()
    for page in (here, there):
        page.goto(city.portal("marriage"))
        sign_in(page, city.person("wang"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("王秀英")
    here.goto(city.console)
    expect(here.locator(".session").first).to_contain_text("本设备")
    newest = here.locator(".session").nth(1)
    expect(newest).not_to_contain_text("本设备")
    newest.get_by_role("button", name="结束会话").click()
    expect(here.get_by_role("status")).to_contain_text("会话已结束")
    there.reload()
    expect_login(there)
    there.wait_for_timeout(1_000)  # sign-ins are told apart from an ending by the second
    sign_in(there, city.person("wang"))
    expect(there.get_by_role("heading", level=1)).to_contain_text("王秀英")
    here.goto(city.portal("marriage"))
    expect(here.get_by_role("heading", level=1)).to_contain_text("王秀英")


def test_ending_the_session_of_this_device_signs_it_out(city, visit) -> None:
    page = visit()
    page.goto(city.console)
    sign_in(page, city.person("wang"))
    page.locator(".session", has_text="本设备").get_by_role("button", name="退出登录").click()
    page.wait_for_load_state()
    for host in (city.console, city.portal("marriage")):
        page.goto(host)
        expect_login(page)


def test_the_language_of_a_page_is_its_readers_choice(city, visit) -> None:
    page = visit()
    page.goto(city.portal("housing"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("登录")
    if city.has_keycloak:
        english = page.locator("option", has_text="English").get_attribute("value")
        page.get_by_role("combobox").select_option(value=english)
    else:
        page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    sign_in(page, city.person("wang"))
    expect(page).to_have_url(city.portal("housing") + "/")


def test_who_signs_in_at_a_shared_browser_leaves_nothing_of_who_was_there(city, visit) -> None:
    page = visit()
    page.goto(city.console)
    sign_in(page, city.person("wang"))
    page.goto(city.portal("marriage"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("王秀英")
    page.context.clear_cookies(domain="login.localhost")
    page.goto(f"{city.portal('marriage')}/.citygate/login?return_to=/whoami")
    sign_in(page, city.person("he"))
    page.goto(city.console)
    expect(page.get_by_role("main")).to_contain_text("何洁")
    expect(page.get_by_role("main")).not_to_contain_text("王秀英")
