"""Bytes on the public port that try to say two things at once; the portal is watched by the kernel."""

import contextlib
import itertools
import json
import re
import socket
import time
from collections.abc import Callable, Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.event import EventKind
from crypto.local_keys import load
from crypto.sign import SigningKey
from tests.faults.faults import events, pid, port_of_portal, traced
from tests.faults.visitor import ask, eventually, host_of, key, origin, port_of, raw, ready, statuses

READS = "recvfrom,recvmsg"
CERTIFICATE = b"/certificates/17"
TARGETS = (
    # dot segments and slashes
    b"//certificates/17", b"/certificates//17", b"/./certificates/17", b"/certificates/./17", b"/certificates/17/.",
    b"/certificates/17/..", b"/files/../certificates/17", b"/x/..//certificates/17", b"/certificates/x/../17", b"/../certificates/17",
    b"/files/..;/certificates/17", b"/.../certificates/17", b"///certificates/17", b"/certificates/17//",
    # what could be decoded again
    b"/%63ertificates/17", b"/certificates/%31%37", b"/certificates%2f17", b"/certificates%2F17", b"/certificates%252f17",
    b"/%2fcertificates/17", b"/%2e/certificates/17", b"/files/%2e%2e/certificates/17", b"/files/.%2e/certificates/17",
    b"/files/%2e./certificates/17", b"/files/..%2fcertificates/17", b"/files/%2e%2e%2fcertificates%2f17",
    b"/files/..%252fcertificates/17", b"/certificates/17%2e", b"/certificates/%2e/17", b"/certificates/17%00", b"/certificates/17%0a",
    b"/certificates/17%0d%0a", b"/certificates/17%09", b"/certificates/17%20HTTP/1.1", b"/certificates/17%", b"/certificates/17%2",
    b"/certificates/17%zz", b"/certificates/17%u002e", b"/certificates/%5c17", b"/certificates\\17", b"/files\\..\\certificates\\17",
    b"/files/..\\certificates/17", b"/files/..%5ccertificates/17", b"/%5ccertificates/17",
    # parameters and fragments
    b"/certificates/17;", b"/certificates;x=1/17", b"/files/1;/../../certificates/17", b"/certificates/17;jsessionid=1",
    b"/certificates/17#", b"/portal.css#/../certificates/17", b"#/certificates/17", b"/certificates/17%23", b"/certificates/17%3f", b"/certificates/17%3b",
    # another case, another script, another length
    b"/Certificates/17", b"/CERTIFICATES/17", b"/certificate\xc5\xbf/17", b"/certificates/\xef\xbc\x91\xef\xbc\x97",
    b"/certificates\xe2\x81\x8417", b"/certificates%E2%88%9517", b"/certificates%EF%BC%8F17", b"/files/%EF%BC%8E%EF%BC%8E/certificates/17",
    b"/certificates/17%C0%AF", b"/certificates/%C0%AE17", b"/certificates%C0%AF17", b"/certificates/17\x7f", b"/certificates/17\xff",
    # other forms of a target
    b"http://marriage.localhost/certificates/17", b"http://portal@marriage.localhost/certificates/17", b"http:/certificates/17",
    b"https://127.0.0.1/certificates/17", b"//marriage.localhost/certificates/17", b"certificates/17", b"*", b"?/certificates/17", b"@/certificates/17",
    b"/certificates/17\x20\x20HTTP/1.0", b"\t/certificates/17", b"/certificates/17\x0b", b"/" + b"a/../" * 400 + b"certificates/17", b"/certificates/17?" + b"x" * 9000,
)  # fmt: skip
STRANGE_HOSTS = (
    "evil.example", "marriage.localhost.evil.example", "evil.marriage.localhost", "127.0.0.1", "[::1]", "localhost", "marriage.localhost@evil.example",
    "marriage.localhost, evil.example", "marriage.localhost:99999", "", "marriage_localhost", "marriage.localhost.", "xn--evil",
)  # fmt: skip


@pytest.fixture
def portal_hears(city) -> Iterator[Callable[[], str]]:
    """Everything the marriage portal reads during a test."""
    with traced(pid(city, "marriage"), READS) as lines:
        yield lambda: "\n".join(lines())


def message(
    city, target: bytes, *, method: bytes = b"GET", host: str = "marriage", close: bool = True, extra: bytes = b""
) -> bytes:
    head = method + b" " + target + b" HTTP/1.1\r\nHost: " + host_of(city, host).encode() + b"\r\n"
    return head + (b"Connection: close\r\n" if close else b"") + extra + b"\r\n"


def cookie(browser) -> bytes:
    return b"Cookie: __Host-citygate=" + browser.cookie.encode() + b"\r\n"


def key_line(city) -> bytes:
    return f"Authorization: {key(city, 'wang')['Authorization']}\r\n".encode()


def test_no_spelling_of_a_target_slips_under_its_label(city, wang, portal_hears) -> None:
    """fault: 80 ways to write /certificates/17 with a password only — refused (400, 401, 404); the portal hears none."""
    assert len(set(TARGETS)) >= 60
    before = len(events(city))
    for target in TARGETS:
        received = raw(city, message(city, target, extra=cookie(wang)))
        assert set(statuses(received)) <= {400, 401, 404}, (target, received[:300])
    assert statuses(raw(city, message(city, b"/files/1", extra=cookie(wang)))) == [200]
    eventually(lambda: "GET /files/1 " in portal_hears())
    heard = re.findall(r"(?:GET|POST) (\S+) HTTP", portal_hears())
    assert {target for target in heard if target not in ("/files/1", "/.well-known/citygate/jwks.json")} == set()
    certain = [e for e in events(city)[before:] if e.kind is EventKind.DECISION and "certificate" in e.object.lower()]
    assert certain == []


def test_no_header_makes_somebody_of_a_caller(city, wang, portal_hears) -> None:
    """fault: identity headers in every spelling — stripped or 400; the portal sees the door's assertion alone."""
    claims = ask(city, "marriage", "GET", "/whoami", {"Cookie": f"__Host-citygate={wang.cookie}"}).json()
    mine = {name: claims[name] for name in ("sub", "name", "roles", "acr", "label", "aud")}
    names = (
        "X-Citygate-Assertion", "x-citygate-assertion", "X_Citygate_Assertion", "X-CITYGATE_ASSERTION", "X-Citygate-Roles", "X-Forwarded-User",
        "X-Forwarded-Email", "X_Forwarded_User", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Remote-User", "REMOTE_USER",
        "X-Remote-User", "X-Auth-Request-User", "X-Original-Target", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override",
        "X-User", "X-Email", "X-Roles", "X-WebAuth-User", "X-Client-Cert", "X-Citygate-Data-Plane", "X-Original-Method",
    )  # fmt: skip
    extras = [f"{name}: mallory\r\n" for name in names]
    extras += [f"{name}: mallory\r\nConnection: close, {name}\r\n" for name in names[:4]]
    extras += [
        "Connection: close, x-citygate-assertion\r\n", "X-Citygate-Assertion: mallory\r\nX-Citygate-Assertion: mallory\r\n",
        "X-Citygate-Assertion : mallory\r\n", "X-Citygate-Assertion:\tmallory\r\n", "X: 1\r\n X-Citygate-Assertion: mallory\r\n",
        "X: 1\nX-Citygate-Assertion: mallory\r\n", "X: 1\rX-Citygate-Assertion: mallory\r\n", "TE: trailers, x-citygate-assertion\r\n",
    ]  # fmt: skip
    for extra in extras:
        sent = message(city, b"/whoami", close="Connection" not in extra, extra=cookie(wang) + extra.encode())
        received = raw(city, sent)
        assert statuses(received) in ([400], [200]), (extra, received[:300])
        if statuses(received) == [200]:
            told = re.search(rb"\{.*\}", received)
            assert told
            found = json.loads(told[0])
            assert {name: found[name] for name in mine} == mine, extra
    eventually(lambda: "GET /whoami" in portal_hears())
    assert "mallory" not in portal_hears()


def test_one_connection_carries_one_reading_of_its_bytes(city, wang, portal_hears) -> None:
    """fault: smuggling (CL+TE, two lengths, bare LF, folded lines, chunk tricks, pipelining) — 400, never a second request."""
    inner = message(city, b"/smuggled", extra=key_line(city))
    ours = cookie(wang) + f"Origin: {origin(city, 'marriage')}\r\n".encode()
    length = str(len(inner)).encode()
    tricks = [
        b"Content-Length: " + length + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + inner,
        b"Content-Length: 0\r\nContent-Length: " + length + b"\r\n\r\n" + inner,
        b"Content-Length: 0, " + length + b"\r\n\r\n" + inner,
        b"Content-Length: +0\r\n\r\n" + inner,
        b"Content-Length : 0\r\n\r\n" + inner,
        b"Content-Length: 0x0\r\n\r\n" + inner,
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + inner,
        b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + inner,
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + inner,
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + inner,
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + inner,
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + inner,
        b"Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n" + inner,
        b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + inner,
        b"Transfer-Encoding: chunked\r\n\r\n0;\n" + inner,
        b"Content-Length: " + length + b"\r\nExpect: 200-maybe\r\n\r\n" + inner,
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + inner,
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + inner,
    ]  # fmt: skip
    for trick in tricks:
        head = message(city, b"/whoami", close=False, extra=ours).removesuffix(b"\r\n")
        received = raw(city, head + trick)
        assert statuses(received)[:1] == [400] or not statuses(received), (trick[:80], received[:200])
    body = b"Content-Length: " + length + b"\r\nContent-Type: text/plain\r\n\r\n" + inner
    received = raw(city, message(city, b"/echo", method=b"POST", close=False, extra=ours).removesuffix(b"\r\n") + body)
    assert statuses(received) == [200], "one body, taken as a body"
    eventually(lambda: "POST /echo" in portal_hears())
    heard = [line for line in portal_hears().splitlines() if "GET /smuggled" in line]
    assert len(heard) <= 1, "only as that body"
    assert not any(e.object.endswith("/smuggled") for e in events(city))


def test_methods_hosts_and_paths_that_nobody_registered_are_refused_and_recorded(city) -> None:
    """fault: CONNECT, TRACE, unknown hosts and paths — 400, 404 or 405, each with its record; no redirect names them."""
    asked = [(b"CONNECT", "marriage.localhost:443", 400), (b"TRACE", "/", 405), (b"PURGE", "/", 405), (b"GET", "/unknown", 404), (b"PUT", "/", 405),
             (b"GET", "/.citygate/unknown", 404), (b"GET", "/.citygate/../whoami", 400), (b"POST", "/.well-known/citygate/jwks.json", 405)]  # fmt: skip
    for method, target, status in asked:
        received = raw(city, message(city, target.encode(), method=method, extra=key_line(city)))
        assert statuses(received) == [status], (method, target, received[:200])
    numbers = set()
    for prefix, host in enumerate(STRANGE_HOSTS, 1):  # each from a network of its own, so that no refusal is summed
        for target in (
            "/",
            "/.citygate/login?return_to=/",
            "/.citygate/logout",
            "/.well-known/citygate/jwks.json",
            "/certificates/17",
        ):
            sent = {**key(city, "wang"), "Accept": "text/html", "Host": host}
            answer = ask(city, "marriage", "GET", target, sent, source=f"127.77.{prefix}.1")
            if (host, target) == ("localhost", "/"):  # the bare address leads to the console, whoever asks
                assert answer.headers["location"] == origin(city, "console") + "/"
                continue
            assert answer.status in (400, 404), (host, target)
            assert "location" not in answer.headers
            numbers.add(answer.request_id)
    assert len(numbers) > 50
    eventually(lambda: numbers <= {event.id for event in events(city) if event.kind is EventKind.REFUSAL})
    assert statuses(raw(city, b"GET / HTTP/1.1\r\nHost: marriage.localhost\r\nHost: evil.example\r\n\r\n")) == [400]
    assert statuses(raw(city, b"GET / HTTP/1.1\r\n\r\n")) == [400]
    assert statuses(raw(city, b"GET / HTTP/1.0\r\nHost: marriage.localhost\r\n\r\n")) in ([400], [])


def test_a_portal_believes_nobody_but_the_door(city) -> None:
    """fault: direct call to a portal — 401 without, with another portal's, a forged, a foreign or a used assertion."""
    seed = load(city.data / "keys/assertion.key")
    ours, theirs = Ed25519PrivateKey.from_private_bytes(seed), Ed25519PrivateKey.generate()
    numbers, ports = itertools.count(1), {name: port_of_portal(city, name) for name in ("marriage", "housing")}

    def assertion(signer=ours, typ="citygate-assertion+jwt", alg="EdDSA", **claims) -> str:
        now = int(time.time())
        told = {"iss": origin(city, "marriage"), "aud": "marriage", "sub": "s", "name": "n", "roles": [], "acr": "3", "label": 2, "jti": f"t{next(numbers)}",
                "iat": now, "exp": now + 60, "htm": "GET", "htu": "/whoami"}  # fmt: skip
        return jwt.encode({**told, **claims}, signer, alg, {"kid": SigningKey(seed).public.key_id, "typ": typ})

    def call(name: str, *assertions: str, target: str = "/whoami") -> int:
        head = f"GET {target} HTTP/1.1\r\nHost: {host_of(city, name)}\r\nConnection: close\r\n"
        lines = "".join(f"X-Citygate-Assertion: {one}\r\n" for one in assertions)
        return statuses(raw(city, (head + lines + "\r\n").encode(), port=ports[name]))[0]

    once = assertion()
    assert call("marriage", once) == 200, "a good one is believed, or the rest would say nothing"
    assert call("marriage", once) == 401, "once"
    old = int(time.time()) - 120
    refused = [
        ("marriage", ()), ("marriage", ("",)), ("marriage", ("x.y.z",)), ("housing", (assertion(),)),
        ("marriage", (assertion(aud="housing"),)), ("marriage", (assertion(theirs),)), ("marriage", (assertion(typ="JWT"),)),
        ("marriage", (assertion(iat=old, exp=old + 60),)), ("marriage", (assertion(htu="/"),)), ("marriage", (assertion(htm="POST"),)),
        ("marriage", (assertion(iss=origin(city, "housing")),)), ("marriage", (assertion(), assertion())),
        ("marriage", (jwt.encode({"aud": "marriage"}, "", "none"),)),
    ]  # fmt: skip
    for name, assertions in refused:
        assert call(name, *assertions) == 401, assertions
    for claim in ("jti", "exp", "iat", "sub"):
        assert call("marriage", assertion(**{claim: None})) == 401, claim


def test_the_operations_port_cannot_be_reached_through_the_public_one(city) -> None:
    """fault: /readyz, /metrics asked on the public port under every host — 400 or 404; only the other port answers."""
    assert ready(city)["status"] == "200"
    hosts = [
        f"127.0.0.1:{port_of(city) + 1}",
        f"localhost:{port_of(city) + 1}",
        "127.0.0.1",
        host_of(city, "console"),
        host_of(city, "marriage"),
    ]
    for host, target in itertools.product(
        hosts, ("/readyz", "/healthz", "/metrics", "/version", f"http://127.0.0.1:{port_of(city) + 1}/readyz")
    ):
        answer = ask(city, "console", "GET", target, {"Host": host, **key(city, "chen")})
        assert answer.status in (400, 404), (host, target)
        assert b"python_gc" not in answer.body
        assert b'"lease"' not in answer.body


def test_a_credential_counts_only_where_it_belongs(city, wang) -> None:
    """fault: keys in the query, in a form, as another scheme, twice; malformed cookies — 401, never anonymous by mistake."""
    secret = key(city, "wang")["Authorization"].removeprefix("Bearer ")
    for name in ("access_key", "access_token", "key", "token", "authorization", "Authorization", "bearer"):
        assert ask(city, "marriage", "GET", f"/whoami?{name}={secret}").status == 401
    for value in (
        secret,
        f"Basic {secret}",
        f"Bearer  {secret}",
        f"Bearer {secret} x",
        f"Bearer {secret[:-1]}",
        "Bearer",
        f"Bearer\t{secret}",
        f"Bearer {secret},",
    ):
        assert ask(city, "marriage", "GET", "/whoami", {"Authorization": value}).status == 401, value
    both = {**key(city, "wang"), "Cookie": f"__Host-citygate={wang.cookie}"}
    assert ask(city, "marriage", "GET", "/whoami", both).status == 401
    good = wang.cookie
    for value in (
        f"{good}=",
        f"{good}x",
        good[:-1],
        f'"{good}"',
        f" {good} x",
        f"{good}; __Host-citygate={good}",
        f"x; __Host-citygate={good}",
        "",
        "null",
        good.swapcase(),
    ):
        answer = ask(city, "marriage", "GET", "/whoami", {"Cookie": f"__Host-citygate={value}"})
        assert answer.status == 401, value
    for line in (b"Authorization: Bearer x\r\n" + key_line(city), key_line(city) * 2, cookie(wang) * 2):
        assert statuses(raw(city, message(city, b"/whoami", extra=line))) == [400], line[:40]
    assert ask(city, "marriage", "GET", "/whoami", {"Cookie": f"__host-citygate={good}"}).status == 401
    assert ask(city, "housing", "GET", "/whoami", {"Cookie": f"__Host-citygate={good}"}).status == 401, "another host's"


def test_slow_senders_stop_nobody(city) -> None:
    """fault: 200 connections that send one byte and wait — closed after 10 s; others are served meanwhile."""
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port_of(city)))) for _ in range(200)]
        for one in slow:
            one.sendall(b"GET / HT")
        assert ask(city, "marriage", "GET", "/certificates/17", key(city, "wang")).status == 200
        for one in slow:
            one.sendall(b"T")
        assert ask(city, "marriage", "GET", "/certificates/17", key(city, "wang")).status == 200
        slow[0].settimeout(30)
        with contextlib.suppress(ConnectionError):
            while slow[0].recv(1 << 16):
                pass
