"""Behind three gateways nobody can tell which one answers, and a role taken back counts at all of them.

nginx keeps a visitor at one gateway while it lives; so the others are asked with her cookie, as nginx does when it dies.
"""

import time
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from tests.journeys.browsing import second_factor, sign_in
from tests.journeys.running_city import City
from tests.stack.breaking import GATEWAYS, at

CLICKS = 1 + len(GATEWAYS)


def clicks(city: City, page: Page) -> list[int]:
    """The status of a page asked for again, by its reader and then at each gateway with what her browser brings."""
    answer = page.reload()
    assert answer
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies(page.url))
    elsewhere = [at(city, name, "marriage", "GET", "/", {"Cookie": cookies}).status for name in GATEWAYS]
    return [answer.status, *elsewhere]


def decisions(city: City, login: str, path: str, since: datetime, count: int) -> list[tuple[str, str]]:
    """So many decisions about this person's requests, in their order: the result, and the spool of who decided."""
    for _ in range(50):
        _, found = city.ask("chen", "GET", f"/api/v1/audit/events?who={login}&object={path}")
        leaves = [item["leaf"] for item in found["items"] if datetime.fromisoformat(item["at"]) >= since]
        if len(leaves) == count:
            break
        time.sleep(0.1)
    events = [city.ask("chen", "GET", f"/api/v1/audit/events/{leaf}")[1] for leaf in leaves]
    events.sort(key=lambda event: event["at"])  # in the log they stand in the order in which the spools were read
    return [(event["result"], event["proof"]["spool"]) for event in events]


def test_after_a_role_was_taken_back_the_next_clicks_are_refused_whichever_gateway_they_go_to(stack, visit) -> None:
    clerk, desk, portal = visit(), visit(), stack.portal("marriage")
    status, given = stack.assign("qian", "zhao", reason="三个网关")
    assert status == 201
    clerk.goto(portal)
    sign_in(clerk, stack.person("zhao"))
    expect(clerk).to_have_url(portal + "/")
    begun = datetime.now(UTC)
    permitted = clicks(stack, clerk)

    desk.goto(f"{stack.console}/.citygate/login?assurance=3&return_to=/departments/civil/people/{given['subject']}")
    sign_in(desk, stack.person("qian"))
    second_factor(desk, stack.person("qian"))
    desk.get_by_role("row").filter(has_text="婚姻登记员").get_by_role("button", name="收回").click()
    expect(desk.get_by_role("status")).to_contain_text("4/4 网关")
    refused = clicks(stack, clerk)

    assert (permitted, refused) == ([200] * CLICKS, [403] * CLICKS)
    decided = decisions(stack, "zhao", "/marriage/", begun, 2 * CLICKS)
    assert [result for result, _ in decided] == ["permit"] * CLICKS + ["deny"] * CLICKS
    before, after = ([spool for _, spool in half] for half in (decided[:CLICKS], decided[CLICKS:]))
    assert len(set(before)) == 3, "each gateway let her in"
    assert set(before) == set(after), "and each refused her at the next click it got"
