"""A flow opened and closed on the page of zones: offered where the data plane said no, by two, and told by it again."""

import re

import pytest

from audit.event import EventKind
from tests.founded_city import Answer, CityDoor, tomorrow

ASKED = "/zones?from=core&to=extranet&protocol=tcp&port=8443&lang=en"
FLOW = "/zones/core/flows/extranet/tcp/8443"
TERMS = {"owner": "housing", "reason": "interface of the registry", "until": tomorrow(30)[:10]}


@pytest.fixture(autouse=True)
def in_force(door: CityDoor) -> None:
    assert door.ask("POST", "/api/v1/jobs/infra", "clock-job").status == 200


def sent(door: CityDoor, cookie: str, target: str, form: dict[str, str]) -> Answer:
    return door.ask("POST", target, cookie=cookie, page=True, form={"csrf": door.csrf(cookie), **form})


def shown(door: CityDoor, cookie: str, target: str = ASKED) -> str:
    return door.ask("GET", target, cookie=cookie, page=True).text


def waits(door: CityDoor, cookie: str) -> str:
    """The one request for this flow that its approver is shown."""
    (found,) = set(re.findall(f"{FLOW}/approve/([0-9A-Z]{{26}})", shown(door, cookie, "/requests")))
    return found


def test_what_does_not_pass_is_opened_by_two_and_closed_by_one(door: CityDoor) -> None:
    zheng, feng = door.sign_in("zheng"), door.sign_in("feng")
    page = shown(door, zheng)
    assert "It does not pass" in page
    assert f'action="{FLOW}"' in page
    asked = sent(door, zheng, f"{FLOW}?lang=en", TERMS)
    assert asked.status == 403
    waiting = waits(door, feng)
    approved = sent(door, feng, f"{FLOW}/approve/{waiting}", {"verdict": "approve"})
    assert approved.status == 303, approved
    opened = sent(door, zheng, f"/.citygate/resume/{waiting}", {})
    assert (opened.status, opened.headers["location"]) == (303, ASKED.removesuffix("&lang=en"))
    page = shown(door, zheng)
    assert "It passes" in page
    assert "interface of the registry" in page
    assert f'action="{FLOW}/close"' in page
    told = [one for one in door.records() if one.kind == EventKind.OUTCOME and one.action == "flow:open"][-1]
    assert told.detail["flow"] in page
    closed = sent(door, feng, f"{FLOW}/close", {})
    assert (closed.status, closed.headers["location"]) == (303, ASKED.removesuffix("&lang=en"))
    assert "It does not pass" in shown(door, zheng)


def test_only_who_guards_the_platform_is_offered_it(door: CityDoor) -> None:
    page = shown(door, door.sign_in("zhou"))
    assert "It does not pass" in page
    assert FLOW not in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"until": "tomorrow"}, "Enter a date"),
        ({"until": "2020-01-01"}, "The date must be in the future"),
        ({"reason": ""}, "Give a reason"),
        ({"owner": "nobody"}, "Name a department"),
    ],
)
def test_terms_that_cannot_be_are_said_by_field_and_kept(door: CityDoor, changed: dict[str, str], said: str) -> None:
    zheng, feng = door.sign_in("zheng"), door.sign_in("feng")
    sent(door, zheng, f"{FLOW}?lang=en", TERMS | changed)
    waiting = waits(door, feng)
    assert sent(door, feng, f"{FLOW}/approve/{waiting}", {"verdict": "approve"}).status == 303
    answer = sent(door, zheng, f"/.citygate/resume/{waiting}", {})
    assert answer.status == 422
    assert said in answer.text
    assert "It does not pass" in answer.text
    for name, value in (TERMS | changed).items():
        assert name == "owner" or not value or f'value="{value}"' in answer.text


def test_what_was_opened_meanwhile_is_told_and_not_opened_twice(door: CityDoor) -> None:
    zheng, feng = door.sign_in("zheng"), door.sign_in("feng")
    for status in (303, 422):
        sent(door, zheng, f"{FLOW}?lang=en", TERMS)
        waiting = waits(door, feng)
        assert sent(door, feng, f"{FLOW}/approve/{waiting}", {"verdict": "approve"}).status == 303
        answer = sent(door, zheng, f"/.citygate/resume/{waiting}", {})
        assert answer.status == status
    assert "This flow is open already" in answer.text
    assert sent(door, feng, f"{FLOW}/close", {}).status == 303
