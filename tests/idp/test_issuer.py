"""The issuer over its back channel: a real socket that answers well, badly, slowly or not at all."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import idp.issuer
from idp.errors import IssuerUnavailable, LoginRejected
from idp.issuer import COOL_DOWN_SECONDS, MAX_AGE_SECONDS, MAX_ANSWER_BYTES, RETRY_SECONDS, Backchannel, Issuer
from tests.bounds import join_in_time

URL = "http://login.localhost:8000/realms/city"
DISCOVERY, CERTS = "/realms/city/.well-known/openid-configuration", "/realms/city/protocol/openid-connect/certs"
TOKEN = "/realms/city/protocol/openid-connect/token"


def metadata(**changed: Any) -> dict[str, Any]:
    endpoints = URL + "/protocol/openid-connect"
    return {
        "issuer": URL,
        "authorization_endpoint": endpoints + "/auth",
        "token_endpoint": "http://127.0.0.1:1" + TOKEN,  # as Keycloak's dynamic back channel says it
        "jwks_uri": endpoints + "/certs",
        "end_session_endpoint": endpoints + "/logout",
    } | changed


def jwks(*kids: str) -> dict[str, Any]:
    public = jwt.get_algorithm_by_name("EdDSA").to_jwk(Ed25519PrivateKey.generate().public_key())
    return {"keys": [json.loads(public) | {"kid": kid} for kid in kids]}


@dataclass
class Far:
    """What stands at the other end."""

    answers: dict[str, Any] = field(default_factory=lambda: {DISCOVERY: metadata(), CERTS: jwks("one")})
    status: int = 200
    seen: list[str] = field(default_factory=list)
    bodies: list[tuple[str, str]] = field(default_factory=list)
    now: float = 0.0
    port: int = 0

    def issuer(self) -> Issuer:
        place = Backchannel(address="127.0.0.1", port=self.port)
        return Issuer(URL, backchannel=place, monotonic=lambda: self.now)


@pytest.fixture
def far() -> Iterator[Far]:
    far = Far()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            far.seen.append(f"{self.headers['Host']} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            far.bodies.append((self.headers.get("Authorization", ""), body.decode()))
            answer = far.answers.get(self.path, {})
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(far.status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    far.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield far
    server.shutdown()
    join_in_time(thread)
    server.server_close()


def test_the_back_channel_goes_to_one_address_under_the_issuers_name(far: Far) -> None:
    issuer = far.issuer()
    assert issuer.keys().keys() == {"one"}
    assert issuer.endpoints().authorization == URL + "/protocol/openid-connect/auth"
    assert far.seen == [f"login.localhost:8000 {DISCOVERY}", f"login.localhost:8000 {CERTS}"]


@pytest.mark.parametrize("issuer", [URL + "/", URL.upper(), "http://login.localhost:8000/realms/town", None, [URL]])
def test_discovery_of_another_issuer_is_refused(far: Far, issuer: object) -> None:
    far.answers[DISCOVERY] = metadata(issuer=issuer)
    with pytest.raises(IssuerUnavailable):
        far.issuer().endpoints()


@pytest.mark.parametrize(
    "changed",
    [
        {"authorization_endpoint": "http://evil.localhost/auth"},
        {"authorization_endpoint": "http://login.localhost:8000.evil.test/auth"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"end_session_endpoint": "https://login.localhost:8000/logout"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": 7},
        {"jwks_uri": "gopher://127.0.0.1/x"},
    ],
    ids=str,
)
def test_endpoints_elsewhere_are_refused(far: Far, changed: dict[str, Any]) -> None:
    far.answers[DISCOVERY] = metadata(**changed)
    with pytest.raises(IssuerUnavailable):
        far.issuer().endpoints()


def test_a_thousand_unknown_key_ids_cause_one_fetch_per_cool_down(far: Far) -> None:
    issuer = far.issuer()
    issuer.keys()
    far.now = COOL_DOWN_SECONDS
    far.answers[CERTS] = jwks("one", "two")
    far.seen.clear()
    for number in range(1000):
        assert issuer.keys(kid=f"random-{number}").keys() == {"one", "two"}
    assert len(far.seen) == 2  # discovery and keys, once
    far.now += COOL_DOWN_SECONDS
    issuer.keys(kid="random")
    assert len(far.seen) == 4


def test_a_new_key_is_found_once_the_cool_down_is_over(far: Far) -> None:
    issuer = far.issuer()
    issuer.keys()
    far.answers[CERTS] = jwks("two")
    assert "two" not in issuer.keys(kid="two")
    far.now = COOL_DOWN_SECONDS
    assert issuer.keys(kid="two").keys() == {"two"}


def test_many_threads_share_one_fetch(far: Far) -> None:
    issuer = far.issuer()
    threads = [threading.Thread(target=issuer.keys) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join_in_time(thread)
    assert len(far.seen) == 2


def test_known_keys_serve_for_a_day_without_the_issuer_and_no_longer(far: Far) -> None:
    issuer = far.issuer()
    issuer.keys()
    far.status = 503
    far.now = MAX_AGE_SECONDS - 1
    assert issuer.keys(kid="one").keys() == {"one"}
    far.now = MAX_AGE_SECONDS
    with pytest.raises(IssuerUnavailable):
        issuer.keys(kid="one")


def test_an_issuer_that_is_down_is_not_asked_by_every_request(far: Far) -> None:
    far.status = 500
    issuer = far.issuer()
    for _ in range(50):
        with pytest.raises(IssuerUnavailable):
            issuer.keys()
    assert len(far.seen) == 1
    far.status, far.now = 200, RETRY_SECONDS
    assert issuer.keys().keys() == {"one"}


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 500])
def test_redirects_and_errors_are_not_followed(far: Far, status: int) -> None:
    far.status = status
    with pytest.raises(IssuerUnavailable):
        far.issuer().keys()
    assert len(far.seen) == 1


@pytest.mark.parametrize("content", [b"", b"<html>", b"[" * 100_000, b"[]", b" " * (MAX_ANSWER_BYTES + 1)])
def test_an_answer_in_another_form_or_size_is_refused(far: Far, content: bytes) -> None:
    far.answers[DISCOVERY] = content
    with pytest.raises(IssuerUnavailable):
        far.issuer().keys()


def test_a_key_set_with_two_readings_is_refused(far: Far) -> None:
    far.answers[CERTS] = jwks("one", "one")
    with pytest.raises(IssuerUnavailable):
        far.issuer().keys()


def test_nobody_listening_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = Backchannel(address="127.0.0.1", port=unused.getsockname()[1])
        with pytest.raises(IssuerUnavailable):
            Issuer(URL, backchannel=place, monotonic=lambda: 0.0).keys()


def slowly(*, first: bytes, then: bytes) -> Callable[[socket.socket], bool]:
    """Sends for some seconds; the answer is whether the other end hung up before that."""

    def drip(connection: socket.socket) -> bool:
        try:
            connection.sendall(first)
            for _ in range(200):
                connection.sendall(then)
                time.sleep(0.02)
        except OSError:
            return True
        return False

    return drip


def silent(connection: socket.socket) -> bool:
    connection.settimeout(60)
    while connection.recv(65536):
        pass
    return True


@pytest.mark.parametrize(
    "drip",
    [
        slowly(first=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", then=b" "),
        slowly(first=b"HTTP/1.1 200 OK\r\nX-Long: ", then=b"x"),
        silent,
    ],
    ids=["body", "header", "silence"],
)
def test_an_answer_that_drips_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch, drip: Callable[..., bool]) -> None:
    monkeypatch.setattr(idp.issuer, "DEADLINE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hung_up: list[bool] = []

        def serve() -> None:
            with listening.accept()[0] as connection:
                hung_up.append(drip(connection))

        thread = threading.Thread(target=serve)
        thread.start()
        place = Backchannel(address="127.0.0.1", port=listening.getsockname()[1])
        with pytest.raises(IssuerUnavailable):
            Issuer(URL, backchannel=place, monotonic=lambda: 0.0).keys()
        join_in_time(thread)
        assert hung_up == [True]


def test_a_grant_is_redeemed_with_the_clients_own_secret(far: Far) -> None:
    far.answers[TOKEN] = {"id_token": "x"}
    answer = far.issuer().redeem({"code": "a b&c"}, client_id="city gate", client_secret="s:é%")
    assert answer == {"id_token": "x"}
    authorization, body = far.bodies[-1]
    assert body == "code=a+b%26c"
    assert authorization == "Basic Y2l0eSUyMGdhdGU6cyUzQSVDMyVBOSUyNQ=="  # city%20gate:s%3A%C3%A9%25


@pytest.mark.parametrize(
    ("status", "error"), [(400, LoginRejected), (401, IssuerUnavailable), (500, IssuerUnavailable)]
)
def test_a_refused_grant_is_not_a_failing_issuer(far: Far, status: int, error: type[Exception]) -> None:
    issuer = far.issuer()
    issuer.endpoints()
    far.status = status
    with pytest.raises(error):
        issuer.redeem({}, client_id="c", client_secret="s")


def test_a_request_that_waits_for_a_refresh_does_not_wait_for_a_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idp.issuer, "REFRESH_SECONDS", 0.2)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()  # and never answers
        place = Backchannel(address="127.0.0.1", port=server.getsockname()[1])
        issuer = Issuer(URL, backchannel=place, monotonic=time.monotonic)

        def sign_in() -> None:
            with pytest.raises(IssuerUnavailable):
                issuer.endpoints()

        signing_in = threading.Thread(target=sign_in)
        for others in ([], [signing_in]):
            for other in others:
                other.start()
            began = time.monotonic()
            with pytest.raises(IssuerUnavailable):
                issuer.refresh("r", client_id="c", client_secret="s")
            assert time.monotonic() - began < idp.issuer.DEADLINE_SECONDS / 2
        join_in_time(signing_in)
