"""A refusal is told as a page, a problem or a way on; a write that lacks a second factor is parked, not lost."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from authz.park import BODY_BYTES
from gateway.pipeline import handle
from tests.gateway.door import DESK, ELSEWHERE, GatewayDoor, header, whole

TYPE = (b"content-type", b"text/plain")


@pytest.mark.parametrize(
    ("target", "signed_in", "query"),
    [
        ("/low/1?a=b&c", False, {"return_to": ["/low/1?a=b&c"]}),
        ("/secret/1", True, {"return_to": ["/secret/1"], "assurance": ["3"]}),
    ],
)
async def test_what_is_missing_is_asked_for_at_the_login_and_comes_back(
    door: GatewayDoor, target: str, signed_in: bool, query: dict[str, list[str]]
) -> None:
    answer = await door.ask(target, cookie=door.sign_in() if signed_in else "", page=True)
    location = urlsplit(header(answer, b"location"))
    assert (answer.status, location.path, parse_qs(location.query)) == (303, "/.citygate/login", query)
    assert (location.netloc, header(answer, b"cache-control")) == ("", "no-store")


async def test_a_program_gets_a_problem_not_a_login(door: GatewayDoor) -> None:
    answer = await door.ask("/low/1")
    told = json.loads(answer.body)  # type: ignore[arg-type]
    assert (answer.status, header(answer, b"content-type")) == (401, "application/problem+json")
    assert (told["code"], told["missing"], told["type"]) == (
        "access-denied",
        "identity",
        "urn:citygate:problem:access-denied",
    )


async def _parked(door: GatewayDoor, cookie: str, body: bytes = b"the bytes") -> str:
    answer = await door.ask("/secret/1?a=b", TYPE, method="POST", cookie=cookie, body=body, page=True)
    assert answer.status == 401
    links = re.findall(r"/\.citygate/login\?([^\"]+)", answer.body.decode())  # type: ignore[union-attr]
    return parse_qs(links[0].replace("&amp;", "&"))["return_to"][0]


async def test_a_write_below_its_label_is_parked_and_sent_once_and_decided_again(door: GatewayDoor) -> None:
    address = await _parked(door, door.sign_in())
    strong = door.sign_in(assurance=3)
    page = await door.ask(address, cookie=strong, page=True)
    assert (page.status, b"/secret/1?a=b" in page.body) == (200, True)  # type: ignore[operator]
    assert not door.heard
    form = f"csrf={_csrf(page.body)}".encode()  # type: ignore[arg-type]
    send = door.raw(
        address, (b"content-type", b"application/x-www-form-urlencoded"), method="POST", cookie=strong, body=form
    )
    first, second = await handle(send, door.gate), await handle(send, door.gate)
    assert (first.status, second.status, second.again) == (204, 404, None)
    assert first.again is not None
    body = b"".join([chunk async for chunk in first.again.body()])
    assert (first.again.method, first.again.target, body) == (b"POST", b"/secret/1?a=b", b"the bytes")
    assert TYPE in first.again.headers
    assert (await whole(await handle(first.again, door.gate))).status == 200
    assert b"POST /secret/1?a=b" in door.heard[0]
    assert [one.kind for one in door.records() if one.object == "/permits/secret/1"] == [
        "refusal",
        "decision",
        "outcome",
    ]


async def test_a_parked_request_that_still_lacks_its_factor_is_denied_again(door: GatewayDoor) -> None:
    weak = door.sign_in()
    address = await _parked(door, weak)
    page = await door.ask(address, cookie=weak, page=True)
    form = f"csrf={_csrf(page.body)}".encode()  # type: ignore[arg-type]
    send = door.raw(
        address, (b"content-type", b"application/x-www-form-urlencoded"), method="POST", cookie=weak, body=form
    )
    again = (await handle(send, door.gate)).again
    assert again is not None
    assert (await handle(again, door.gate)).status == 401
    assert not door.heard


async def test_nobody_else_and_no_other_host_finds_a_parked_request(door: GatewayDoor) -> None:
    address = await _parked(door, door.sign_in())
    for who in (
        {"cookie": door.sign_in("user:wang", assurance=3, sid="sid-9")},
        {"cookie": door.sign_in(assurance=3, host=ELSEWHERE), "host": ELSEWHERE},
        {},
    ):
        for method in ("GET", "POST"):
            assert (await door.ask(address, method=method, page=True, **who)).status in (403, 404)


async def test_a_parked_request_is_not_sent_without_the_pages_token(door: GatewayDoor) -> None:
    address, strong = await _parked(door, door.sign_in()), door.sign_in(assurance=3)
    for form in (b"", b"csrf=", b"csrf=" + b"0" * 32):
        answer = await door.ask(
            address, (b"content-type", b"application/x-www-form-urlencoded"), method="POST", cookie=strong, body=form
        )
        assert (answer.status, answer.again) == (403, None)


async def test_a_body_that_cannot_be_parked_is_413_and_recorded_as_what_it_was(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    answer = await door.ask("/secret/1", method="POST", cookie=cookie, body=b"x" * (BODY_BYTES + 1), page=True)
    assert answer.status == 413
    assert (door.records()[-1].reason, door.heard) == ("assurance", [])
    await _parked(door, cookie, b"x" * BODY_BYTES)


async def test_nobodys_write_is_not_kept(door: GatewayDoor) -> None:
    answer = await door.ask("/low/1", method="POST", body=b"x", page=True)
    assert answer.status == 401
    assert b"resume" not in answer.body  # type: ignore[operator]


async def test_no_refusal_may_be_cached_and_no_page_runs_script(door: GatewayDoor) -> None:
    answer = await door.ask("/low/1", host=DESK, page=True)
    assert header(answer, b"cache-control") == "no-store"
    assert "default-src 'none'" in header(answer, b"content-security-policy")
    assert header(answer, b"x-content-type-options") == "nosniff"


async def test_a_target_is_escaped_in_a_page_and_absent_from_headers(door: GatewayDoor) -> None:
    answer = await door.ask("/secret/1?<canary>", method="POST", cookie=door.sign_in(), body=b"x", page=True)
    assert b"<canary>" not in answer.body  # type: ignore[operator]


def _csrf(page: bytes) -> str:
    return re.findall(rb'name="csrf" value="([0-9a-f]{32})"', page)[0].decode()
