"""Headers with one reading or none, and what each listener is believed about."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical import is_spoofable
from gateway.errors import HeadersRefused, HostRefused, MethodRefused, TargetRefused, UpgradeRefused
from gateway.stages import Headers, Inbound, Listener
from tests.gateway.canonical_request import read_request


@pytest.mark.parametrize(
    "headers",
    [
        ((b"Content-Length", b"1"), (b"Content-Length", b"1")),
        ((b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked")),
        ((b"Content-Length", b"+1"),),
        ((b"Content-Length", b"1,1"),),
        ((b"Content-Length", b""),),
        ((b"Transfer-Encoding", b"gzip, chunked"),),
        ((b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")),
        ((b"Transfer-Encoding", b"identity"),),
        ((b"Expect", b"200-ok"),),
        ((b"authorization", b"a"), (b"Authorization", b"a")),
        ((b"cookie", b"a"), (b"cookie", b"b")),
        ((b"origin", b"a"), (b"ORIGIN", b"a")),
        ((b"referer", b"a"), (b"referer", b"a")),
        ((b"content-type", b"a"), (b"content-type", b"b")),
        ((b"X_User", b"a"),),
        ((b"X.User", b"a"),),
        ((b"X User", b"a"),),
        ((b"", b"a"),),
        ((b"X-\xc3\xa9", b"a"),),
        ((b"X-A", b"a\x00"),),
        ((b"X-A", b"a\r\nX-B: c"),),
        ((b"X-A", b"\xff"),),
        ((b"Connection", b"close, X-Citygate-Assertion"),),
        ((b"Connection", b"cookie"),),
        ((b"Connection", b"close"), (b"Connection", b"host")),
        tuple((b"X-%d" % n, b"") for n in range(101)),
    ],
)
def test_headers_with_two_readings_are_refused(headers: Headers) -> None:
    with pytest.raises(HeadersRefused):
        read_request(b"/", *headers)


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"a@b",
        b"a,b",
        b"a:b",
        b"a:",
        b"a:0",
        b"a:99999",
        b"a:080",
        b"a.",
        b".a",
        b"a..b",
        b"-a",
        b"a_b",
        b"a b",
        b"[::1]",
        b"a/b",
        b"\xe4\xb8\xad",
        b"a" * 64,
        b"a:80:80",
    ],
)
def test_a_host_that_is_not_plain_is_refused(host: bytes) -> None:
    with pytest.raises(HostRefused):
        read_request(b"/", (b"Host", host), host=False)


def test_a_missing_or_doubled_host_is_refused() -> None:
    with pytest.raises(HostRefused):
        read_request(host=False)
    with pytest.raises(HeadersRefused):
        read_request(b"/", (b"host", b"evil"))


@pytest.mark.parametrize(
    ("host", "origin"),
    [(b"A.LocalHost:8080", "http://a.localhost:8080"), (b"a:80", "http://a"), (b"127.0.0.1", "http://127.0.0.1")],
)
def test_one_origin_has_one_spelling(host: bytes, origin: str) -> None:
    inbound = read_request(b"/", (b"Host", host), host=False)
    assert inbound.origin == origin
    assert inbound.header(b"host") == origin.removeprefix("http://")


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"get", b"PROPFIND", b""])
def test_a_method_outside_http_as_served_here_is_refused_with_the_list(method: bytes) -> None:
    with pytest.raises(MethodRefused) as refusal:
        read_request(method=method)
    assert "GET" in refusal.value.allowed


HANDSHAKE = (
    (b"Connection", b"Upgrade"),
    (b"Upgrade", b"websocket"),
    (b"Sec-WebSocket-Key", b"k"),
    (b"Sec-WebSocket-Version", b"13"),
)


def test_a_websocket_handshake_is_taken() -> None:
    assert read_request(b"/", *HANDSHAKE, websocket=True).websocket


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        (
            (
                (b"Connection", b"Upgrade, HTTP2-Settings"),
                (b"Upgrade", b"h2c"),
                (b"HTTP2-Settings", b"AAMAAABkAAQAAP__"),
            ),
            {},
        ),
        (((b"Upgrade", b"websocket"),), {}),
        (HANDSHAKE, {}),
        (HANDSHAKE[:2], {"websocket": True}),
        (HANDSHAKE, {"websocket": True, "method": b"POST"}),
        ((*HANDSHAKE, (b"Content-Length", b"4")), {"websocket": True}),
        ((), {"websocket": True}),
    ],
)
def test_any_other_upgrade_is_refused(headers: Headers, changes: dict[str, object]) -> None:
    with pytest.raises(UpgradeRefused):
        read_request(b"/", *headers, **changes)


SPOOFS = (
    (b"X-Forwarded-For", b"10.0.0.1"),
    (b"X-Forwarded-Proto", b"https"),
    (b"X-Forwarded-Host", b"evil"),
    (b"X-Original-Method", b"DELETE"),
    (b"X-Original-Target", b"/public"),
    (b"X-Original-Host", b"evil"),
    (b"X-Original-Address", b"10.0.0.1"),
    (b"X-Citygate-Assertion", b"e30"),
)


def test_on_the_public_listener_nothing_a_client_says_about_itself_is_believed() -> None:
    plain, spoofed = read_request(b"/a"), read_request(b"/a", *SPOOFS)
    assert replace(spoofed, headers=()) == replace(plain, headers=())


def test_behind_our_data_plane_its_address_and_scheme_are_believed() -> None:
    inbound = read_request(
        b"/a",
        (b"X-Forwarded-For", b"2001:DB8::1"),
        (b"X-Forwarded-Proto", b"https"),
        listener=Listener.PROXIED,
        peer="",
    )
    assert (inbound.address, inbound.origin) == ("2001:db8::1", "https://marriage.localhost:8080")


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"X-Forwarded-For", b"192.0.2.1"),),
        ((b"X-Forwarded-For", b"10.0.0.1, 192.0.2.1"), (b"X-Forwarded-Proto", b"http")),
        ((b"X-Forwarded-For", b"unknown"), (b"X-Forwarded-Proto", b"http")),
        ((b"X-Forwarded-For", b"192.0.2.1"), (b"X-Forwarded-Proto", b"ftp")),
        ((b"X-Forwarded-For", b"192.0.2.1"), (b"X-Forwarded-For", b"192.0.2.1"), (b"X-Forwarded-Proto", b"http")),
    ],
)
def test_a_data_plane_that_does_not_say_who_called_is_refused(headers: Headers) -> None:
    with pytest.raises(HeadersRefused):
        read_request(b"/", *headers, listener=Listener.PROXIED)


VOUCHED = {
    b"X-Original-Method": b"POST",
    b"X-Original-Host": b"social.localhost:8080",
    b"X-Original-Target": b"/a%20b?c",
    b"X-Original-Address": b"192.0.2.9",
    b"X-Original-Scheme": b"http",
}


def ask(question: bytes = b"/auth", *headers: tuple[bytes, bytes], **changes: bytes) -> Inbound:
    """What the gate understands of a question; `changes` replace X-Original-…, empty removes."""
    vouched = {**VOUCHED, **{b"X-Original-" + name.encode().title(): value for name, value in changes.items()}}
    told = tuple((name, value) for name, value in vouched.items() if value)
    return read_request(question, *told, *headers, listener=Listener.GATE, peer="")


def test_the_gate_reads_the_original_request() -> None:
    inbound = ask(b"/auth", (b"Cookie", b"c"))
    assert (inbound.method, inbound.host, inbound.target, inbound.address) == (
        "POST",
        "social.localhost",
        "/a%20b?c",
        "192.0.2.9",
    )
    assert inbound.headers == ((b"host", b"social.localhost:8080"), (b"cookie", b"c"))


@pytest.mark.parametrize("part", ["method", "host", "target", "address", "scheme"])
def test_the_gate_needs_every_part_of_the_original(part: str) -> None:
    with pytest.raises(HeadersRefused):
        ask(**{part: b""})


@pytest.mark.parametrize("target", [b"/a#b", b"/%2e%2e/a", b"http://evil/", b"//a", b"/\xc3\xa9"])
def test_the_gate_refuses_the_same_targets(target: bytes) -> None:
    with pytest.raises(TargetRefused):
        ask(target=target)


@pytest.mark.parametrize("question", [b"/", b"/auth?", b"/auth/", b"/refusal?x", b"/a"])
def test_the_gate_answers_two_questions_only(question: bytes) -> None:
    with pytest.raises(TargetRefused):
        ask(question)


@pytest.mark.parametrize(
    "name",
    [
        b"X-Citygate-Assertion",
        b"Remote-User",
        b"X-Auth-Request-Email",
        b"X-Forwarded-User",
        b"X-Original-URL",
        b"X-HTTP-Method-Override",
    ],
)
def test_the_gate_refuses_what_a_portal_might_believe(name: bytes) -> None:
    with pytest.raises(HeadersRefused):
        ask(b"/auth", (name, b"li"))
    with pytest.raises(HeadersRefused):
        ask(b"/refusal", (name, b"li"))


def test_the_gate_lets_no_upgrade_through() -> None:
    told = tuple({**VOUCHED, b"X-Original-Method": b"GET"}.items())
    with pytest.raises(UpgradeRefused):
        read_request(b"/auth", *told, *HANDSHAKE, listener=Listener.GATE, websocket=True)


def test_only_the_second_question_names_a_refusal() -> None:
    assert ask(b"/refusal", (b"X-Citygate-Refusal", b"01J")).header(b"x-citygate-refusal") == "01J"
    with pytest.raises(HeadersRefused):
        ask(b"/auth", (b"X-Citygate-Refusal", b"01J"))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (b"X_Citygate_Roles", True),
        (b"x-FORWARDED-for", True),
        (b"Remote_User", True),
        (b"X-Request-Id", False),
        (b"Accept", False),
    ],
)
def test_spoofable_names_are_compared_normalized(name: bytes, answer: bool) -> None:
    assert is_spoofable(name) is answer


@given(st.permutations(((b"Accept", b"a"), (b"Cookie", b"c"), (b"Cookie", b"d"), (b"Origin", b"o"))))
def test_the_order_of_headers_changes_no_verdict(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(HeadersRefused):
        read_request(b"/", *headers)
