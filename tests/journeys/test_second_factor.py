"""What is protected more strongly asks for a code, and loses nothing on the way."""

import hashlib
import http.client
import re
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.browsing import CODE, second_factor, sign_in

CERTIFICATE = "/certificates/17"
HEADINGS = {"marriage": "婚姻登记证明", "housing": "房产证明", "social": "社保缴费证明"}
PURPOSE = "办理购房贷款，需两份。\n用途说明：\n  「甲 & 乙」 100% + 𠮷"


@pytest.mark.parametrize(("portal", "next_portal"), [("marriage", "housing"), ("housing", "social")])
def test_a_page_of_label_3_asks_for_a_code_and_opens_where_it_was(city, visit, portal, next_portal) -> None:
    page, wang = visit(), city.person("wang")
    page.goto(city.portal(portal))
    sign_in(page, wang)
    page.goto(city.portal(portal) + CERTIFICATE)
    expect(page.locator(CODE)).to_be_visible()
    second_factor(page, wang)
    expect(page).to_have_url(city.portal(portal) + CERTIFICATE)
    expect(page.get_by_role("heading", level=1)).to_have_text(HEADINGS[portal])
    page.goto(city.portal(next_portal) + CERTIFICATE)  # the session keeps what it proved
    expect(page.get_by_role("heading", level=1)).to_have_text(HEADINGS[next_portal])


def test_a_form_sent_before_the_code_arrives_after_it_byte_for_byte(city, visit) -> None:
    page, wang = visit(), city.person("wang")
    page.goto(city.portal("marriage") + "/applications")
    sign_in(page, wang)
    page.fill("#text", PURPOSE)
    page.evaluate("path => document.forms[0].action = path", CERTIFICATE)  # a form left open since before
    with page.expect_response("**" + CERTIFICATE) as refused:
        page.click("main button")
    assert refused.value.status == 401
    form = refused.value.request.post_data_buffer
    assert form
    page.get_by_role("link", name="继续").click()
    second_factor(page, wang)
    expect(page).to_have_url(re.compile(r"/\.citygate/resume/[^/]+$"))
    expect(page.get_by_role("main")).to_contain_text(f"POST {CERTIFICATE}")
    page.get_by_role("button", name="重新提交").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("申请已受理")
    expect(page.get_by_role("main")).to_contain_text(f"{len(form)} B · SHA-256 {hashlib.sha256(form).hexdigest()}")
    expect(page.get_by_role("main")).to_contain_text("用途说明")


@pytest.mark.parametrize("portal", ["marriage", "housing"])
def test_a_program_is_told_which_assurance_is_missing(city, visit, portal) -> None:
    page = visit()
    page.goto(city.portal(portal))
    sign_in(page, city.person("wang"))
    expect(page).to_have_url(city.portal(portal) + "/")
    address = urlsplit(city.portal(portal))
    cookies = page.context.cookies(city.portal(portal))
    headers = {"Host": address.netloc, "Accept": "application/json",
               "Cookie": "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies)}  # fmt: skip
    with closing(http.client.HTTPConnection("127.0.0.1", address.port, timeout=10)) as connection:
        connection.request("GET", CERTIFICATE, headers=headers)
        answer = connection.getresponse()
        answer.read()
    assert answer.status == 401
    assert 'error="insufficient_user_authentication"' in answer.headers["WWW-Authenticate"]  # RFC 9470 §3
    assert 'acr_values="3"' in answer.headers["WWW-Authenticate"]
