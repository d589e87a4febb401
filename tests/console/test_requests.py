"""The second person at the door: asked for, parked, approved by another, sent again, decided anew; for both kinds of client."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from console.words import WORDS
from tests.console import city_with_vault
from tests.founded_city import Answer, CityDoor, open_founded_city

PAGE, API = "/departments/civil/vaults/7", "/api/v1/departments/civil/vaults/7"
CANARY = "canary-password"


@pytest.fixture(scope="module")
def door(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    place = tmp_path_factory.mktemp("vault")
    with pytest.MonkeyPatch.context() as patch:
        city_with_vault.patch_city(patch.setattr)
        with open_founded_city(founded, place / "city", prepare=city_with_vault.permit) as ready:
            yield ready


def ask(door: CityDoor, who: str = "zheng", path: str = API, **body: object) -> str:
    """The number under which it waits."""
    answer = door.ask("POST", path, who, json=body or {"why": "spring cleaning"})
    assert (answer.status, answer.json["reason"], answer.json["missing"]) == (403, "approver", "approver")
    return answer.json["request"]


def approve(door: CityDoor, number: str, who: str = "feng", path: str = API) -> Answer:
    return door.ask("POST", f"{path}/approve/{number}", who, json={"verdict": "approve"})


def reject(door: CityDoor, number: str, reason: str = "not in spring") -> Answer:
    return door.ask("POST", f"{API}/approve/{number}", "feng", json={"verdict": "reject", "reason": reason})


def resume(door: CityDoor, number: str, who: str = "zheng") -> Answer:
    return door.ask("POST", f"/.citygate/resume/{number}", who)


def listed(door: CityDoor, who: str, of: str) -> list[str]:
    return [one["id"] for one in door.ask("GET", f"/api/v1/requests?of={of}", who).json["items"]]


def test_a_program_asks_another_person_approves_and_the_same_bytes_are_sent_once(door: CityDoor) -> None:
    number = ask(door, why="audit 2026")
    assert listed(door, "zheng", "asked")[0] == number
    assert number not in listed(door, "zheng", "waiting")
    assert number in listed(door, "feng", "waiting")
    assert resume(door, number).json["code"] == "not-approved"
    assert approve(door, number).json["verdict"] == "approved"
    done = resume(door, number)
    assert (done.status, done.json["json"], done.json["approver"]) == (200, {"why": "audit 2026"}, door.ids["feng"])
    assert resume(door, number).status == 404
    assert number in listed(door, "feng", "decided")


def test_the_log_tells_who_asked_who_approved_and_what_came_of_it(door: CityDoor) -> None:
    number = ask(door, vault="log")
    approve(door, number)
    resume(door, number)
    zheng, feng = door.ids["zheng"], door.ids["feng"]
    about = [one for one in door.records() if number in (one.id, one.detail.get("request"))]
    told = [(one.kind, one.subject, one.action, one.reason) for one in about]
    assert told == [
        ("refusal", zheng, "vault:open", "approver"), ("outcome", zheng, "vault:open", "parked"),
        ("outcome", feng, "vault:approve", ""), ("outcome", zheng, "request:resume", ""),
        ("decision", zheng, "vault:open", "permit"),
    ]  # fmt: skip
    assert len({one.object for one in about if one.action.startswith("vault")}) == 1
    assert about[-1].detail["approver"] == feng


def test_nobody_approves_his_own_and_nobody_approves_twice(door: CityDoor) -> None:
    number = ask(door, n=1)
    assert approve(door, number, "zheng").json["code"] == "own-request"
    assert approve(door, number).status == 200
    assert approve(door, number).json["code"] == "already-decided"
    assert reject(door, number).status == 409


def test_who_may_not_approve_sees_nothing_and_is_denied(door: CityDoor) -> None:
    number = ask(door, n=2)
    for who in ("qian", "zhou", "chen", "wang"):
        assert approve(door, number, who).json["code"] == "access-denied"
        assert number not in listed(door, who, "waiting")
        assert door.ask("GET", f"/api/v1/requests/{number}", who).json["code"] == "parked-unknown"


def test_an_approval_is_decided_at_the_path_of_what_was_asked_for_and_nowhere_else(door: CityDoor) -> None:
    number = ask(door, n=3)
    for path in (PAGE, API.replace("/7", "/8"), API.replace("civil", "housing"), API.replace("/7", "/7%20")):
        assert approve(door, number, path=path).status == 404
    assert approve(door, number).status == 200


def test_a_rejected_request_cannot_be_sent_and_says_why(door: CityDoor) -> None:
    number = ask(door, n=4)
    assert [reject(door, number, reason).status for reason in ("", "a\nb", "x" * 201)] == [422, 422, 422]
    assert reject(door, number, "not in spring").status == 200
    assert resume(door, number).json["code"] == "not-approved"
    mine = door.ask("GET", f"/api/v1/requests/{number}", "zheng").json
    assert (mine["verdict"], mine["reason"], mine["decided_by"]) == ("rejected", "not in spring", door.ids["feng"])


def test_only_its_requester_sends_it(door: CityDoor) -> None:
    number = ask(door, n=5)
    approve(door, number)
    assert [resume(door, number, who).status for who in ("feng", "qian", "wang")] == [404, 404, 404]
    assert resume(door, number).status == 200


def test_asking_again_while_it_waits_is_the_same_request(door: CityDoor) -> None:
    number = ask(door, n=6)
    assert ask(door, n=6) == number
    assert ask(door, n=7) != number


def test_too_much_to_keep_is_an_error_and_nothing_is_done(door: CityDoor) -> None:
    answer = door.ask("POST", API, "zheng", json={"why": "x" * 70_000})
    assert (answer.status, answer.json["code"]) == (413, "park-full")


def test_what_the_approver_sees_is_every_field_but_no_secret(door: CityDoor) -> None:
    number = ask(door, to="<b>卢</b>", deep={"password": CANARY, "list": [1, {"token": CANARY}]}, key="cg_" + "a" * 30)
    page = door.ask("GET", "/requests", cookie=door.sign_in("feng"), page=True)
    assert page.status == 200
    assert number in page.text
    assert "&lt;b&gt;卢&lt;/b&gt;" in page.text
    assert CANARY not in page.text
    assert "cg_aaaa" not in page.text


@pytest.mark.parametrize(
    "body",
    [b'{"n": 1, "n": 64}', b'{"n": {"m": 1}, "n.m": 2}', b'{"n": 1, "x": "\xff"}', b'{"why": "x"', b"\x00" * 90,
     json.dumps({f"n{at}": at for at in range(41)}).encode()],
)  # fmt: skip
def test_what_cannot_be_shown_as_it_will_be_read_is_approved_by_nobody(door: CityDoor, body: bytes) -> None:
    number = door.ask("POST", API, "zheng", json=body).json["request"]
    (seen,) = [one for one in door.ask("GET", "/api/v1/requests", "feng").json["items"] if one["id"] == number]
    assert [one["name"] for one in seen["fields"]] == ["?"]
    refused = approve(door, number)
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "fields-hidden")
    assert resume(door, number).json["code"] == "not-approved"
    assert reject(door, number).status == 200


@pytest.mark.parametrize(("characters", "status"), [(500, 200), (501, 422)])
def test_what_is_shown_cut_is_approved_by_nobody(door: CityDoor, characters: int, status: int) -> None:
    assert approve(door, ask(door, to="x" * characters)).status == status


def test_a_form_whose_field_stands_twice_is_approved_by_nobody(door: CityDoor) -> None:
    """The desk reads the first, whoever approves might believe the last."""
    cookie, form = browser(door, "qian")
    codes = []
    for more in ([("n", "64")], [("n", "1"), ("n", "64")]):
        asked = door.ask("POST", PAGE, cookie=cookie, form=[*form.items(), *more]).json["request"]
        codes.append([one["code"] for one in approve(door, asked, path=PAGE).json.get("errors", ())])
    assert codes == [[], ["fields-hidden"]]


def browser(door: CityDoor, who: str, **more: str) -> tuple[str, dict[str, str]]:
    cookie = door.sign_in(who)
    return cookie, {"csrf": door.csrf(cookie), **more}


def test_a_browser_is_told_who_can_approve_and_both_go_by_links_and_buttons_alone(door: CityDoor) -> None:
    cookie, form = browser(door, "qian", why="窗口轮岗")
    told = door.ask("POST", PAGE, cookie=cookie, page=True, form=form)
    assert told.status == 403
    assert all(words in told.text for words in ("等待第二人批准", "安全管理员", "/requests"))
    number = re.search(r"<code>(01[0-9A-Z]{24})</code>", told.text)
    assert number
    second, token = browser(door, "zheng")
    shown = door.ask("GET", "/requests", cookie=second, page=True).text
    assert "窗口轮岗" in shown
    assert form["csrf"] not in shown
    target = re.search(rf'action="([^"]+/approve/{number[1]})"', shown)
    assert target
    done = door.ask("POST", unescape(target[1]), cookie=second, page=True, form=token | {"verdict": "approve"})
    assert (done.status, done.location) == (303, "/requests")
    later, anew = browser(door, "qian")  # another session: the form's own token is stale
    mine = door.ask("GET", "/requests", cookie=later, page=True).text
    way = f"/.citygate/resume/{number[1]}"
    assert way in mine
    assert "第二人已批准" in door.ask("GET", way, cookie=later, page=True).text
    opened_one = door.ask("POST", way, cookie=later, page=True, form={"csrf": anew["csrf"]})
    assert (opened_one.status, opened_one.json["form"]["why"]) == (200, "窗口轮岗")


def test_a_weak_sign_in_shows_that_there_is_more_and_loses_no_approval(door: CityDoor) -> None:
    number = ask(door, n=8)
    weak = door.sign_in("feng", assurance=2)
    page = door.ask("GET", "/requests", cookie=weak, page=True)
    assert number not in page.text
    assert "assurance=3" in page.text
    approve(door, number)
    mine = door.sign_in("zheng", assurance=2)
    sent = door.ask("POST", f"/.citygate/resume/{number}", cookie=mine, page=True, form={"csrf": door.csrf(mine)})
    assert (sent.status, sent.location.partition("?")[0]) == (303, "/.citygate/login")
    assert resume(door, number).status == 200


def test_an_approver_who_lost_the_right_no_longer_counts_and_it_waits_anew(door: CityDoor) -> None:
    number = ask(door, n=9)
    approve(door, number)
    held = f"/api/v1/departments/city/people/{door.ids['feng']}/assignments"
    gone = [one for one in door.ask("GET", held, "zheng").json["items"] if one["role"] == "security-administrator"]
    with door.city.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE assignment SET clearance = 2 WHERE id = ?", (gone[0]["id"],))
        epoch = door.city.stores.epochs.bump(connection, [("subject", door.ids["feng"])])
    door.city.deciding.effective(epoch)
    answer = resume(door, number)
    assert (answer.status, answer.json["reason"], answer.json["missing"]) == (403, "approver-lost-right", "approver")
    assert answer.json["request"] != number
    with door.city.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE assignment SET clearance = 4 WHERE id = ?", (gone[0]["id"],))
        epoch = door.city.stores.epochs.bump(connection, [("subject", door.ids["feng"])])
    door.city.deciding.effective(epoch)


def test_no_header_brings_an_approver(door: CityDoor) -> None:
    names = ("approver", "x-approver", "x-citygate-approver", "resumed", "x-citygate-resumed")
    headers = dict.fromkeys(names, door.ids["feng"])
    answer = door.ask("POST", API + f"?approver={door.ids['feng']}", "zheng", json={"n": 10}, headers=headers)
    assert answer.json["reason"] == "approver"


def test_an_approval_written_into_the_table_by_another_hand_opens_nothing(door: CityDoor) -> None:
    number = ask(door, n=11)
    with door.city.stores.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE parked SET verdict = 'approved', decided_by = ?, decide_record = '01J' WHERE id = ?",
            (door.ids["feng"], number),
        )
    answer = resume(door, number)
    assert (answer.status, answer.json["code"]) == (500, "seal-invalid")


def test_every_noun_of_an_address_that_a_request_shows_by_name_has_a_word(door: CityDoor) -> None:
    """A card of the page says "App", not the segment of a path."""
    nouns = {
        part.partition("/")[0]
        for route in door.city.routing.desks
        if route.approval
        for part in re.findall(r"([a-z]+)/\{", route.path)
    }
    assert {"departments", "apps", "resources", "keys"} <= nouns
    named = {noun for noun in nouns if noun not in ("machines", "shares", "vaults")}
    assert {noun for noun in named if noun not in WORDS.fields} == set()
