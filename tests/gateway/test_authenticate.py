"""Who is calling: cookies and keys, alone and together, malformed, foreign, dead and revoked."""

from datetime import timedelta

import pytest

from idp.identity import NOBODY
from tests.gateway.door import DESK, ELSEWHERE, HOST, LI, PORT, GatewayDoor, header

ORIGIN = f"http://{HOST}:{PORT}".encode()


async def test_a_cookie_and_a_key_say_the_same_subject(door: GatewayDoor) -> None:
    await door.ask("/low/1", cookie=door.sign_in())
    await door.ask("/low/1", (b"authorization", door.key()))
    assert [one.subject for one in door.records()] == [LI, LI]


async def test_a_cookie_of_another_host_is_refused(door: GatewayDoor) -> None:
    cookie = door.sign_in(host=ELSEWHERE)
    assert (await door.ask("/low/1", cookie=cookie)).status == 401
    assert (await door.ask("/low/1", cookie=cookie, host=ELSEWHERE)).status == 200


async def test_a_cookie_and_a_key_together_are_refused(door: GatewayDoor) -> None:
    answer = await door.ask("/low/1", (b"authorization", door.key()), cookie=door.sign_in())
    assert (answer.status, door.records()[-1].reason) == (401, "credential-rejected")


@pytest.mark.parametrize("cookie", ["x", "A" * 42, "A" * 44, "A" * 42 + "=", '"' + "A" * 43 + '"', "A" * 42 + "é"])
async def test_a_malformed_cookie_is_401_and_taken_away(door: GatewayDoor, cookie: str) -> None:
    answer = await door.ask("/public/1", (b"cookie", f"__Host-citygate={cookie}".encode()))
    assert answer.status == 401
    assert header(answer, b"set-cookie").startswith("__Host-citygate=; Max-Age=0")
    assert not door.heard


async def test_a_cookie_that_is_there_twice_is_refused(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    twice = f"__Host-citygate={cookie}; a=b; __Host-citygate={cookie}".encode()
    assert (await door.ask("/low/1", (b"cookie", twice))).status == 401


async def test_a_well_formed_dead_cookie_is_nobody(door: GatewayDoor) -> None:
    assert (await door.ask("/public/1", cookie="A" * 43)).status == 200
    assert (await door.ask("/low/1", cookie="A" * 43)).status == 401
    assert {one.subject for one in door.records()} == {NOBODY.subject}


async def test_a_session_is_over_when_it_was_idle_too_long(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    door.now += timedelta(minutes=30)
    assert (await door.ask("/low/1", cookie=cookie)).status == 401


async def test_a_revoked_session_that_is_still_cached_is_nobody_at_once(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    assert (await door.ask("/low/1", cookie=cookie)).status == 200
    door.adopt(revoked=[door.session_of(cookie)])
    assert (await door.ask("/low/1", cookie=cookie)).status == 401
    assert door.records()[-1].reason == "session-ended"
    assert (await door.ask("/public/1", cookie=cookie)).status == 200
    assert door.records()[-1].subject == NOBODY.subject


@pytest.mark.parametrize(
    "value",
    [b"Bearer", b"Bearer ", b"Bearer cg_short", b"Basic Zm9vOmJhcg==", b"cg_" + b"A" * 43, b"Bearer  cg_" + b"A" * 43],
)
async def test_a_malformed_or_unknown_key_is_401_even_where_everybody_may(door: GatewayDoor, value: bytes) -> None:
    answer = await door.ask("/public/1", (b"authorization", value))
    assert (answer.status, header(answer, b"www-authenticate")) == (401, 'Bearer realm="citygate"')


async def test_a_key_ends_with_its_time_also_when_cached(door: GatewayDoor) -> None:
    key = door.key()
    assert (await door.ask("/low/1", (b"authorization", key))).status == 200
    door.now += timedelta(days=1)
    assert (await door.ask("/low/1", (b"authorization", key))).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 200),
        ([(b"origin", ORIGIN)], 200),
        ([(b"origin", ORIGIN), (b"sec-fetch-site", b"same-origin")], 200),
        ([(b"origin", b"http://other.localhost:8080")], 403),
        ([(b"origin", ORIGIN.replace(b"http", b"https"))], 403),
        ([(b"origin", b"null")], 403),
        ([(b"sec-fetch-site", b"same-site")], 403),
        ([(b"origin", ORIGIN), (b"sec-fetch-site", b"cross-site")], 403),
    ],
)
async def test_a_write_with_a_cookie_comes_from_its_own_origin(
    door: GatewayDoor, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    answer = await door.ask("/low/1", *headers, method="POST", cookie=door.sign_in())
    assert (answer.status, len(door.heard)) == (status, int(status == 200))


async def test_a_websocket_with_a_cookie_comes_from_its_own_origin(door: GatewayDoor) -> None:
    """A sibling portal is same-site, so its pages' handshakes carry the cookie although it is SameSite=Lax."""
    handshake = [
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
    ]
    cookie = door.sign_in()
    for origin, reason in ((b"http://other.localhost:8080", "csrf-refused"), (ORIGIN, "upgrade-refused")):
        await door.ask("/low/1", *handshake, (b"origin", origin), cookie=cookie, websocket=True)
        assert door.records()[-1].reason == reason  # this route has no WebSocket; a stranger does not learn it


async def test_a_key_is_no_cookie_and_needs_no_origin(door: GatewayDoor) -> None:
    headers = [(b"origin", b"http://evil.example"), (b"authorization", door.key())]
    assert (await door.ask("/notes/1", *headers, method="POST", host=DESK)).status == 201
