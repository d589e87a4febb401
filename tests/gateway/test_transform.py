"""What reaches an upstream: no identity but the door's, which is signed, and bound to this request."""

import json
import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical import is_spoofable
from gateway.transform import forwardable
from tests.gateway.door import ELSEWHERE, HOST, LI, PORT, GatewayDoor


def _heads(door: GatewayDoor) -> list[dict[str, str]]:
    return [
        dict(line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n")[1:] if line) for head in door.heard
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"X-Citygate-Assertion", b"x-citygate-anything", b"X-Forwarded-User", b"X-Forwarded-For", b"Forwarded",
        b"Remote-User", b"REMOTE-USER", b"X-Auth-Request-Email", b"X-Real-IP", b"X-Original-URL", b"X-Roles",
    ],
)  # fmt: skip
async def test_an_identity_header_never_reaches_the_upstream(door: GatewayDoor, name: bytes) -> None:
    assert (await door.ask("/low/1", (name, b"canary-admin"), cookie=door.sign_in())).status == 200
    assert b"canary-admin" not in door.heard[0]
    assert door.heard[0].lower().count(b"x-citygate-assertion") == 1


@pytest.mark.parametrize("name", [b"X_Citygate_Assertion", b"Remote_User", b"x_forwarded_for"])
async def test_a_name_with_an_underscore_is_refused_before_anybody_can_fold_it(door: GatewayDoor, name: bytes) -> None:
    assert (await door.ask("/low/1", (name, b"admin"), cookie=door.sign_in())).status == 400
    assert not door.heard


@given(st.lists(st.tuples(st.sampled_from([b"remote-user", b"x-roles", b"a", b"connection", b"te"]), st.binary())))
def test_nothing_spoofable_is_forwarded_whatever_stands_beside_it(headers: list[tuple[bytes, bytes]]) -> None:
    assert not [name for name, _ in forwardable(tuple(headers)) if is_spoofable(name) or name in (b"connection", b"te")]


@pytest.mark.parametrize("named", [b"x-citygate-assertion", b"X-Citygate-Assertion, close", b"cookie"])
async def test_connection_cannot_take_ours_away(door: GatewayDoor, named: bytes) -> None:
    answer = await door.ask("/low/1", (b"connection", named), cookie=door.sign_in())
    assert (answer.status, door.heard) == (400, [])


async def test_credentials_stay_here_and_other_cookies_go_on(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    ours = f"lang=zh; __Host-citygate={cookie}; __Host-citygate-flow-1=x; theirs=1".encode()
    await door.ask("/low/1", (b"cookie", ours))
    await door.ask("/low/1", (b"authorization", door.key()))
    assert _heads(door)[0]["cookie"] == "lang=zh; theirs=1"
    for head in door.heard:
        assert b"authorization" not in head.lower()
        assert cookie.encode() not in head
        assert b"citygate=" not in head


async def test_only_our_cookie_leaves_no_cookie_header(door: GatewayDoor) -> None:
    await door.ask("/low/1", cookie=door.sign_in())
    assert b"cookie" not in door.heard[0].lower()


async def test_the_assertion_verifies_with_the_published_keys_and_for_this_request_only(door: GatewayDoor) -> None:
    door.now = door.now.fromtimestamp(time.time(), door.now.tzinfo)
    await door.ask("/secret/1?a=b", cookie=door.sign_in(assurance=3))
    published = json.loads((await door.ask("/.well-known/citygate/jwks.json")).body)  # type: ignore[arg-type]
    token = _heads(door)[0]["x-citygate-assertion"]
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
    issuer = f"http://{HOST}:{PORT}"
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="permits", issuer=issuer)
    assert (claims["htm"], claims["htu"], claims["jti"]) == ("GET", "/secret/1?a=b", door.records()[0].id)
    assert (claims["acr"], claims["label"], claims["roles"]) == ("3", 3, ["clerk"])
    assert claims["exp"] - claims["iat"] == 60
    assert jwt.get_unverified_header(token)["typ"] == "citygate-assertion+jwt"
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, key, algorithms=["EdDSA"], audience="other", issuer=issuer)


async def test_a_person_is_another_subject_to_each_system(door: GatewayDoor) -> None:
    for host in (HOST, ELSEWHERE, HOST):
        await door.ask("/low/1", cookie=door.sign_in(host=host), host=host)
    subjects = [_claims(head["x-citygate-assertion"])["sub"] for head in _heads(door)]
    assert subjects[0] == subjects[2] != subjects[1]
    assert LI not in subjects


def _claims(token: str) -> dict[str, str]:
    claims: dict[str, str] = jwt.decode(token, options={"verify_signature": False})
    return claims
