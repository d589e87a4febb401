"""The shipped data plane, with nginx really running between a client, a gate and a portal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.stages import Listener
from tests.gateway.behind_nginx import CONSOLE, INLINE, PORTAL, SECRET, City, running
from tests.gateway.raw_socket import status


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running(tmp_path) as ready:
        yield ready


@pytest.mark.parametrize("target", ["/", "/a/%E4%B8%AD%20x?next=%2F..&q=%zz", "/a?", "/a~b!(c)"])
async def test_the_portal_gets_the_bytes_the_gate_decided_on(city: City, target: str) -> None:
    assert (await city.ask(f"GET {target}")).endswith(b"portal")
    [(question, asked)] = city.questions
    [reached] = city.portal
    assert question == b"/auth"
    assert reached.target.decode() == target
    assert reached.target.decode().removesuffix("?") == asked.target
    assert (asked.method, asked.host, asked.address) == ("GET", PORTAL, "127.0.0.1")
    assert asked.origin == f"http://{PORTAL}:{city.port}"


@pytest.mark.parametrize(
    "target",
    [
        "/a/../secret",
        "/%2e%2e/secret",
        "//secret",
        "/a%2fb",
        "/x/%2e/secret",
        "/%73ecret",
        "/a#/secret",
        "/a;b",
        "/.citygate/../secret",
        "/%2ecitygate/login",
        "/x/../.citygate/login",
        "/.citygate%2flogin",
    ],
)
async def test_what_could_be_read_twice_reaches_neither_portal_nor_door(city: City, target: str) -> None:
    assert status(await city.ask(f"GET {target}")) == 400
    assert not city.portal
    assert not city.inline


async def test_the_assertion_is_the_gates_and_the_rest_is_cleaned(city: City) -> None:
    headers = (
        "Cookie: __Host-citygate=s; theirs=1",
        "Authorization: Bearer k",
        "X-Forwarded-For: 10.0.0.1",
        "X-Real-IP: 10.0.0.1",
    )
    assert status(await city.ask("GET /", *headers)) == 200
    reached = dict(city.portal[0].headers)
    assert reached[b"x-citygate-assertion"] == b"e30.sig"
    assert reached[b"cookie"] == b"theirs=1"
    assert reached[b"host"] == f"{PORTAL}:{city.port}".encode()
    assert reached[b"x-forwarded-for"] == b"127.0.0.1"
    assert not reached.keys() & {b"authorization", b"x-real-ip", b"x-citygate-data-plane"}
    assert not [value for value in reached.values() if SECRET.encode() in value]
    assert city.questions[0][1].header(b"cookie") == "__Host-citygate=s; theirs=1"


@pytest.mark.parametrize(
    "name", ["X-Citygate-Assertion", "Remote-User", "X-Auth-Request-User", "X-Original-URL", "X-Citygate-Refusal"]
)
async def test_a_client_with_an_identity_header_is_refused(city: City, name: str) -> None:
    assert status(await city.ask("GET /", f"{name}: li")) in (400, 429)
    assert not city.portal


@pytest.mark.parametrize(
    "header",
    ["X-Original-Target: /open", "X-Original-Method: GET", "X-Original-Host: evil", "X-Citygate-Data-Plane: x"],
)
async def test_a_client_cannot_answer_for_the_data_plane(city: City, header: str) -> None:
    assert status(await city.ask("POST /secret", header, "Content-Length: 0")) == 429
    assert {(asked.method, asked.target, asked.host) for _, asked in city.questions} == {("POST", "/secret", PORTAL)}
    assert not city.portal


async def test_a_refusal_is_rendered_by_the_gate_with_method_and_body(city: City) -> None:
    answer = await city.ask("POST /secret?x", "Content-Length: 4", body=b"form")
    assert status(answer) == 429
    assert b"\r\nset-cookie: flow=1\r\n" in answer.lower()
    assert answer.endswith(b"POST /secret?x gateway-1 form")
    assert not city.portal


async def test_the_doors_own_paths_are_served_by_the_door(city: City) -> None:
    answer = await city.ask("POST /.citygate/logout?x=%2F", "Content-Length: 4", body=b"csrf")
    assert (status(answer), answer[-9:]) == (200, b"gateway-1")
    [(inbound, body)] = city.inline
    assert (inbound.method, inbound.target, body, inbound.listener) == (
        "POST",
        "/.citygate/logout?x=%2F",
        b"csrf",
        Listener.PROXIED,
    )
    assert (inbound.address, inbound.origin) == ("127.0.0.1", f"http://{PORTAL}:{city.port}")
    assert not city.portal


@pytest.mark.parametrize("target", ["/.citygate/data-plane", "/refusal", "/auth", "/.citygate/%64ata-plane"])
async def test_nothing_of_the_gate_can_be_asked_from_outside(city: City, target: str) -> None:
    answer = await city.ask(f"GET {target}")
    assert status(answer) in (200, 400, 404)
    assert [question for question, _ in city.questions if question == b"/refusal"] == []
    assert not city.inline


async def test_the_authority_of_an_absolute_target_is_the_one_decided_on(city: City) -> None:
    await city.ask(f"GET http://{PORTAL}:{city.port}/a", host="evil.localhost")
    assert {asked.host for _, asked in city.questions} == {PORTAL}
    assert {dict(raw.headers)[b"host"].decode() for raw in city.portal} == {f"{PORTAL}:{city.port}"}


async def test_a_host_nobody_registered_is_misdirected(city: City) -> None:
    assert status(await city.ask("GET /", host="other.localhost")) == 421


async def test_without_the_gate_nothing_reaches_the_portal(city: City) -> None:
    await city.gateways[0].kill()
    answer = await city.ask("GET /")
    assert status(answer) == 503
    assert b"Retry-After: 1" in answer
    assert not city.portal


async def test_the_portals_own_errors_are_its_own_and_its_answers_do_not_steer_nginx(city: City) -> None:
    answer = await city.ask("GET /broken")
    assert status(answer) == 500
    assert answer.endswith(b"portal")


async def test_an_inline_host_is_the_doors_altogether(city: City) -> None:
    target = "/a/%E4%B8%AD?x=%zz"
    answer = await city.ask(f"PUT {target}", "Transfer-Encoding: chunked", host=INLINE, body=b"3\r\nabc\r\n0\r\n\r\n")
    assert answer.endswith(b"gateway-1")
    [(inbound, body)] = city.inline
    assert (inbound.target, body, inbound.host, inbound.address) == (target, b"abc", INLINE, "127.0.0.1")
    assert not inbound.header(b"x-citygate-data-plane")
    assert not city.questions


async def test_on_an_inline_host_a_forged_address_is_replaced(city: City) -> None:
    await city.ask("GET /", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https", host=INLINE)
    assert (city.inline[0][0].address, city.inline[0][0].origin) == ("127.0.0.1", f"http://{INLINE}:{city.port}")


async def test_the_desks_are_the_control_processs(city: City) -> None:
    assert (await city.ask("POST /sessions/end-all", "Content-Length: 4", host=CONSOLE, body=b"csrf")).endswith(
        b"control"
    )
    assert [body for _, body in city.control.inline] == [b"csrf"]
    assert not city.inline


async def test_an_apps_signature_reaches_the_gate_and_never_the_portal(city: City) -> None:
    signed = "Citygate-HMAC-SHA256 key=01J, time=1795000000, nonce=n, signature=s"
    digest = "Content-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    assert status(await city.ask("GET /open/1", f"Authorization: {signed}", digest)) == 200
    asked, reached = city.questions[0][1], city.portal[0].headers
    assert (asked.header(b"authorization"), asked.header(b"content-digest")) == (signed, digest.partition(": ")[2])
    assert signed.encode() not in dict(reached).values()
    assert b"authorization" not in dict(reached)
