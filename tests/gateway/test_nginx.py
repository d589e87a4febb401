"""The shipped data plane, with nginx really running between a client, a gate and a portal."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from string import Template

import pytest

from gateway.canonical import canonical
from gateway.errors import GatewayError
from gateway.server import Binding, asgi, bind_tcp, bind_unix, serve
from gateway.stages import Inbound, Listener, Outbound, Raw
from tests.gateway.raw_socket import SECONDS, exchange, status
from tests.needs import need

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx"
SECRET = "s3cret-of-the-data-plane"
HOSTS = ("portal.localhost", "console.localhost")


@dataclass
class City:
    """What each room saw: the gate's questions, what the door served inline, and what reached the portal."""

    port: int = 0
    questions: list[tuple[bytes, Inbound]] = field(default_factory=list)
    inline: list[tuple[Inbound, bytes]] = field(default_factory=list)
    portal: list[Raw] = field(default_factory=list)
    gate_down: asyncio.Event = field(default_factory=asyncio.Event)

    async def gate(self, raw: Raw) -> Outbound:
        """Answer like the door: its own paths are its own, /secret is refused, all else is let through."""
        try:
            inbound = canonical(raw, now=datetime(2026, 1, 1, tzinfo=UTC), mint=lambda: "01J")
        except GatewayError as refusal:
            return Outbound(status=403 if raw.target == b"/auth" else 400, body=refusal.code.encode())
        self.questions.append((raw.target, inbound))
        if raw.target == b"/refusal":
            body = b"".join([chunk async for chunk in raw.body()])
            told = f"{inbound.method} {inbound.target} {inbound.header(b'x-citygate-refusal')} ".encode() + body
            return Outbound(status=429, headers=((b"set-cookie", b"flow=1"), (b"location", b"/x")), body=told)
        if inbound.path.startswith("/.citygate/"):
            return Outbound(status=403, headers=((b"x-citygate-served-by", b"door"),))
        if inbound.path.startswith("/secret"):
            return Outbound(status=401, headers=((b"x-citygate-refusal", b"r-1"), (b"www-authenticate", b"Bearer")))
        return Outbound(
            status=204, headers=((b"x-citygate-assertion", b"e30.sig"), (b"x-citygate-cookie", b"theirs=1"))
        )

    async def door(self, raw: Raw) -> Outbound:
        inbound = canonical(raw, now=datetime(2026, 1, 1, tzinfo=UTC), mint=lambda: "01J")
        self.inline.append((inbound, b"".join([chunk async for chunk in raw.body()])))
        return Outbound(status=200, body=b"door")

    async def serve_portal(self, raw: Raw) -> Outbound:
        self.portal.append(raw)
        body = b"".join([chunk async for chunk in raw.body()])
        return Outbound(
            status=500 if b"broken" in raw.target else 200,
            headers=((b"x-accel-redirect", b"/"),),
            body=b"portal" + body,
        )

    async def ask(self, request: str, *headers: str, host: str = HOSTS[0], body: bytes = b"") -> bytes:
        lines = (f"{request} HTTP/1.1", f"Host: {host}:{self.port}", "Connection: close", *headers, "", "")
        return await exchange(self.port, "\r\n".join(lines).encode("latin-1") + body)


def configuration(folder: Path, *, port: int, portal: int) -> str:
    """The shipped files, filled as the renderer fills them, inside the smallest nginx.conf."""
    values = {
        "LISTEN": f"127.0.0.1:{port}",
        "FOLDER": str(folder),
        "GATE_SOCKET": str(folder / "gate.sock"),
        "DOOR_SOCKET": str(folder / "door.sock"),
        "SECRET": SECRET,
        "UPSTREAM": f"127.0.0.1:{portal}",
        "SYSTEM": "portal",
        "BODY_BYTES": "1m",
    }

    def fill(name: str, **more: str) -> str:
        text = Template((SHIPPED / name).read_text()).safe_substitute(values, **more)
        assert "${" not in text
        return text

    for name in ("secret.conf", "question.conf"):
        (folder / name).write_text(fill(name))
    hosts = fill("forward-auth-host.conf", HOST=HOSTS[0], AUTHORITY=f"{HOSTS[0]}:{port}")
    hosts += fill("inline-host.conf", HOST=HOSTS[1], AUTHORITY=f"{HOSTS[1]}:{port}")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; user root;"
    return f"{head}\nevents {{}}\nhttp {{ access_log off; {paths}\n{fill('citygate.conf', HOSTS=hosts)} }}"


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    """nginx, a gate, a door and a portal on this machine."""
    need("nginx")
    city = City()
    portal = bind_tcp("127.0.0.1", 0)
    with bind_tcp("127.0.0.1", 0) as free:
        city.port = free.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(configuration(tmp_path, port=city.port, portal=portal.getsockname()[1]))
    inner = [
        Binding(socket=portal, application=asgi(city.serve_portal)),
        Binding(
            socket=bind_unix(tmp_path / "door.sock"),
            application=asgi(city.door, listener=Listener.PROXIED, secret=SECRET),
        ),
    ]
    gate = [
        Binding(
            socket=bind_unix(tmp_path / "gate.sock"), application=asgi(city.gate, listener=Listener.GATE, secret=SECRET)
        )
    ]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(serve(inner, stop=stop)), asyncio.create_task(serve(gate, stop=city.gate_down))]
    nginx = await asyncio.create_subprocess_exec("nginx", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path))
    try:
        async with asyncio.timeout(SECONDS):
            await _accepting(city.port)
        yield city
    finally:
        nginx.terminate()
        await nginx.wait()
        stop.set()
        city.gate_down.set()
        await asyncio.gather(*tasks)


async def _accepting(port: int) -> None:
    while True:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
            return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("target", ["/", "/a/%E4%B8%AD%20x?next=%2F..&q=%zz", "/a?", "/a~b!(c)"])
async def test_the_portal_gets_the_bytes_the_gate_decided_on(city: City, target: str) -> None:
    assert (await city.ask(f"GET {target}")).endswith(b"portal")
    [(question, asked)] = city.questions
    [reached] = city.portal
    assert question == b"/auth"
    assert reached.target.decode() == target
    assert reached.target.decode().removesuffix("?") == asked.target
    assert (asked.method, asked.host, asked.address) == ("GET", HOSTS[0], "127.0.0.1")
    assert asked.origin == f"http://{HOSTS[0]}:{city.port}"


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
    assert reached[b"host"] == f"{HOSTS[0]}:{city.port}".encode()
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
    assert {(asked.method, asked.target, asked.host) for _, asked in city.questions} == {("POST", "/secret", HOSTS[0])}
    assert not city.portal


async def test_a_refusal_is_rendered_by_the_gate_with_method_and_body(city: City) -> None:
    answer = await city.ask("POST /secret?x", "Content-Length: 4", body=b"form")
    assert status(answer) == 429
    assert b"\r\nset-cookie: flow=1\r\n" in answer.lower()
    assert answer.endswith(b"POST /secret?x r-1 form")
    assert not city.portal


async def test_the_doors_own_paths_are_served_by_the_door(city: City) -> None:
    answer = await city.ask("POST /.citygate/logout?x=%2F", "Content-Length: 4", body=b"csrf")
    assert (status(answer), answer[-4:]) == (200, b"door")
    [(inbound, body)] = city.inline
    assert (inbound.method, inbound.target, body, inbound.listener) == (
        "POST",
        "/.citygate/logout?x=%2F",
        b"csrf",
        Listener.PROXIED,
    )
    assert (inbound.address, inbound.origin) == ("127.0.0.1", f"http://{HOSTS[0]}:{city.port}")
    assert not city.portal


@pytest.mark.parametrize("target", ["/.citygate/data-plane", "/refusal", "/auth", "/.citygate/%64ata-plane"])
async def test_nothing_of_the_gate_can_be_asked_from_outside(city: City, target: str) -> None:
    answer = await city.ask(f"GET {target}")
    assert status(answer) in (200, 400, 404)
    assert [question for question, _ in city.questions if question == b"/refusal"] == []
    assert not city.inline


async def test_the_authority_of_an_absolute_target_is_the_one_decided_on(city: City) -> None:
    await city.ask(f"GET http://{HOSTS[0]}:{city.port}/a", host="evil.localhost")
    assert {asked.host for _, asked in city.questions} == {HOSTS[0]}
    assert {dict(raw.headers)[b"host"].decode() for raw in city.portal} == {f"{HOSTS[0]}:{city.port}"}


async def test_a_host_nobody_registered_is_misdirected(city: City) -> None:
    assert status(await city.ask("GET /", host="other.localhost")) == 421


async def test_without_the_gate_nothing_reaches_the_portal(city: City) -> None:
    city.gate_down.set()
    await asyncio.sleep(0.5)
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
    answer = await city.ask(f"PUT {target}", "Transfer-Encoding: chunked", host=HOSTS[1], body=b"3\r\nabc\r\n0\r\n\r\n")
    assert answer.endswith(b"door")
    [(inbound, body)] = city.inline
    assert (inbound.target, body, inbound.host, inbound.address) == (target, b"abc", HOSTS[1], "127.0.0.1")
    assert not inbound.header(b"x-citygate-data-plane")
    assert not city.questions


async def test_on_an_inline_host_a_forged_address_is_replaced(city: City) -> None:
    await city.ask("GET /", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https", host=HOSTS[1])
    assert (city.inline[0][0].address, city.inline[0][0].origin) == ("127.0.0.1", f"http://{HOSTS[1]}:{city.port}")
