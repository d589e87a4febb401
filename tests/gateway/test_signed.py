"""What an app signs: every part of it counts, and nothing unsigned is taken along."""

import asyncio
import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.authenticate import Credentials, authenticate
from gateway.errors import HeadersRefused
from gateway.stages import Listener, Matched
from idp.app_key import content_digest
from idp.errors import CredentialRejected
from idp.session import COOKIE
from tests.gateway.signing import KEY, NOW, Clock, a_door, request, taken


async def test_who_signs_is_the_app_with_a_second_factors_assurance_and_no_session() -> None:
    identity = await a_door().identity(*request())
    assert (identity.subject, identity.assurance, identity.name) == (f"app:{KEY}", 3, "核验")
    assert (identity.session, identity.csrf, identity.department) == ("", "", "")


PARTS = ("method", "host", "target", "type", "digest", "key", "time", "nonce", "signature")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(part=st.sampled_from(PARTS), data=st.data())
def test_a_change_of_any_signed_part_is_refused(part: str, data: st.DataObject) -> None:
    body = b"{}"
    inbound, authorization = request("/open/1?a=b", method="POST", body=body)
    if part == "method":
        inbound = replace(inbound, method=data.draw(st.sampled_from(["PUT", "GET", "DELETE", "PATCH"])))
    elif part == "host":
        inbound = replace(inbound, host=data.draw(st.sampled_from(["housing.localhost", "marriage.localhos", ""])))
    elif part == "target":
        inbound = replace(inbound, path=data.draw(st.sampled_from(["/open/2", "/open/1/", "/"])))
        inbound = replace(inbound, query=data.draw(st.sampled_from(["a=b", "a=c", "", "a=b&c"])))
    elif part == "type":
        kind = data.draw(st.sampled_from(["application/xml", "Application/json", "application/json; charset=gbk", ""]))
        changed = [(n, kind.encode() if n == b"content-type" else v) for n, v in inbound.headers]
        inbound = replace(inbound, headers=tuple(one for one in changed if one[1]))
    elif part == "digest":
        other = content_digest(hashlib.sha256(data.draw(st.binary().filter(lambda one: one != body))).digest())
        changed = [(n, other.encode() if n == b"content-digest" else v) for n, v in inbound.headers]
        inbound = replace(inbound, headers=tuple(changed))
    else:
        value = authorization.partition(f"{part}=")[2].partition(",")[0]
        at = data.draw(st.integers(0, len(value) - 1))
        other = data.draw(st.sampled_from("0123456789abcdef").filter(lambda one: one != value[at]))
        authorization = authorization.replace(value, value[:at] + other + value[at + 1 :])
    assert not asyncio.run(taken(a_door(), (inbound, authorization)))


@pytest.mark.parametrize(("seconds", "fine"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
async def test_a_clock_may_be_five_minutes_off(seconds: int, fine: bool) -> None:
    assert await taken(a_door(), request(at=int(NOW.timestamp()) + seconds)) == fine


DIGEST = (b"content-digest", content_digest(hashlib.sha256(b"x").digest()).encode())


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ((DIGEST,), {}),  # a digest, and no body to hold to it
        ((DIGEST, (b"content-length", b"0")), {}),
        (((b"content-length", b"2"),), {}),  # a body nobody signed
        (((b"transfer-encoding", b"chunked"),), {}),
        (((b"content-digest", b"md5=:AAAA:"), (b"content-length", b"2")), {}),
        (((b"content-encoding", b"gzip"),), {}),  # nobody signed how the bytes are to be read
        (((b"content-type", b"application/json"),), {}),
        ((), {"websocket": True}),
    ],
)  # fmt: skip
async def test_a_body_that_could_not_be_held_to_its_digest_is_refused(headers: Any, changes: dict[str, Any]) -> None:
    inbound, authorization = request()
    asked = replace(inbound, headers=(*inbound.headers, *headers), **changes)
    assert not await taken(a_door(), (asked, authorization))


async def test_behind_forward_auth_an_app_reads_and_writes_nothing() -> None:
    for method, fine in (("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False)):
        inbound, authorization = request(method=method)
        assert await taken(a_door(), (replace(inbound, listener=Listener.GATE), authorization)) == fine


@pytest.mark.parametrize("name", [b"authorization", b"content-digest", b"Authorization"])
def test_a_header_that_is_signed_by_stands_once(name: bytes) -> None:
    with pytest.raises(HeadersRefused):
        request(body=b"x", headers=((name, b"x"), (name, b"x")))


async def test_a_cookie_beside_a_signature_is_refused() -> None:
    inbound, _ = request(headers=((b"cookie", f"{COOKIE}={'A' * 43}".encode()),))
    nobody = SimpleNamespace(look_up=None)  # is not asked
    credentials = Credentials(nobody, None, a_door(), clock=Clock())  # type: ignore[arg-type]
    with pytest.raises(CredentialRejected):
        await authenticate(
            Matched(inbound=inbound, route=None, department="", object="", action="", label=3), credentials
        )  # type: ignore[arg-type]
