"""Under `/.citygate/` at the door: a kept request comes back to its requester alone, and sign-out needs a click."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from authz.store import parked
from idp.session import COOKIE
from tests.founded_city import Answer, CityDoor, tomorrow


@pytest.fixture
def weak(door: CityDoor) -> str:
    """qian, signed in with a password alone."""
    return door.sign_in("qian", assurance=2)


def wanted(door: CityDoor, cookie: str, role: str = "marriage-clerk") -> dict[str, str]:
    return {
        "csrf": door.csrf(cookie),
        "role": role,
        "department": "civil",
        "clearance": "2",
        "until": tomorrow()[:10],
        "reason": "轮岗",
    }


def kept(door: CityDoor, cookie: str) -> str:
    """Where the step-up for a write at label 3 comes back to."""
    target = f"/departments/civil/people/{door.ids['zhao']}/assignments"
    answer = door.ask("POST", target, cookie=cookie, page=True, form=wanted(door, cookie))
    assert answer.status == 401
    login = unescape(re.search(r'href="(/\.citygate/login[^"]+)"', answer.text)[1])
    query = parse_qs(urlsplit(login).query)
    assert query["assurance"] == ["3"]
    return query["return_to"][0]


def resume(door: CityDoor, target: str, cookie: str, **changes: str) -> Answer:
    return door.ask("POST", target, cookie=cookie, page=True, form={"csrf": door.csrf(cookie)} | changes)


def test_a_write_is_kept_through_a_step_up_and_sent_again_by_one_button(door: CityDoor) -> None:
    weak = door.sign_in("qian", assurance=2, sid="qian-sid")
    target = kept(door, weak)
    with door.city.stores.database.transaction() as connection:
        row = connection.execute(parked.select()).mappings().one()
    assert "轮岗".encode() not in row["sealed"]
    strong = door.sign_in("qian", assurance=3, sid="qian-sid")
    shown = door.ask("GET", target, cookie=strong, page=True)
    assert shown.status == 200
    assert "/assignments" in shown.text
    again = resume(door, target, strong)
    assert (again.status, urlsplit(again.location).path) == (303, f"/departments/civil/people/{door.ids['zhao']}"), (
        again
    )
    assert resume(door, target, strong).status == 404


def test_a_kept_request_is_its_requesters_alone(door: CityDoor, weak: str) -> None:
    target = kept(door, weak)
    sun = door.sign_in("sun")
    for answer in (
        door.ask("GET", target, cookie=sun),
        door.ask("POST", target, cookie=sun, form={"csrf": door.csrf(sun)}),
        door.ask("GET", target),
    ):
        assert (answer.status, answer.json["code"]) == (404, "parked-unknown")
    assert door.ask("GET", target, cookie=weak, page=True).status == 200


def test_a_kept_request_is_sent_only_by_its_own_page(door: CityDoor, weak: str) -> None:
    target = kept(door, weak)
    assert resume(door, target, weak, csrf="0" * 32).status == 403
    assert door.ask("POST", target, cookie=weak, page=True).status == 403
    assert door.ask("GET", target, cookie=weak, page=True).status == 200


def test_sent_again_without_what_was_missing_it_is_refused_again(door: CityDoor) -> None:
    weak = door.sign_in("qian", assurance=2, sid="still-weak")
    answer = resume(door, kept(door, weak), weak)
    assert answer.status == 401


def test_nobodys_write_is_not_kept(door: CityDoor) -> None:
    answer = door.ask("POST", "/sessions/end-all", page=True, form={"a": "b"})
    assert answer.status == 401
    assert "/.citygate/resume/" not in answer.text


def test_a_link_alone_signs_nobody_out(door: CityDoor, weak: str) -> None:
    answer = door.ask("GET", "/.citygate/logout", cookie=weak, page=True)
    assert answer.status == 200
    assert "<form" in answer.text
    assert door.ask("GET", "/api/v1/sessions", cookie=weak).status == 200


def test_a_sign_out_form_of_another_page_is_refused(door: CityDoor, weak: str) -> None:
    for form in ({}, {"csrf": "0" * 32}):
        assert door.ask("POST", "/.citygate/logout", cookie=weak, form=form).status == 403
    assert door.ask("GET", "/api/v1/sessions", cookie=weak).status == 200


def test_signing_out_ends_the_session_even_while_the_issuer_is_away(door: CityDoor, weak: str) -> None:
    answer = door.ask("POST", "/.citygate/logout", cookie=weak, page=True, form={"csrf": door.csrf(weak)})
    assert answer.status == 303
    assert f"{COOKIE}=;" in answer.headers["set-cookie"]
    assert door.ask("GET", "/api/v1/sessions", cookie=weak).status == 401


def test_nobody_can_sign_in_while_the_issuer_is_away_and_is_told_so(door: CityDoor) -> None:
    answer = door.ask("GET", "/.citygate/login?return_to=/")
    assert (answer.status, answer.json["code"]) == (503, "issuer-unavailable")
    assert answer.headers["retry-after"]


def test_a_callback_that_this_browser_did_not_begin_is_no_session(door: CityDoor) -> None:
    for query in ("", "?code=a&state=b", "?error=access_denied", "?code=" + "a" * 3000, "?state=%00"):
        answer = door.ask("GET", f"/.citygate/callback{query}")
        assert answer.status == 400, query
        assert COOKIE not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "file", ["../app.py", "..%2fapp.py", "nothing.css", "citygate.css%00", ".hidden", "%2e%2e/routes.py"]
)
def test_only_files_of_the_static_folder_are_served(door: CityDoor, file: str) -> None:
    assert door.ask("GET", f"/.citygate/static/{file}").status in (400, 404)
    assert door.ask("GET", "/.citygate/static/citygate.css").status == 200


def test_the_published_keys_are_public_halves(door: CityDoor) -> None:
    (key,) = door.ask("GET", "/.well-known/citygate/jwks.json").json["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    assert "d" not in key
