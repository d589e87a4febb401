"""The demo portal as its own process, behind a door that only publishes keys."""

import hashlib
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.bounds import join_in_time, run_beside

PORTAL = Path(__file__).parents[2] / "deploy/demo/portal.py"


@dataclass
class DoorKeys:
    """Signs assertions and publishes the keys; counts how often it is asked for them."""

    keys: dict[str, Ed25519PrivateKey] = field(default_factory=lambda: {"one": Ed25519PrivateKey.generate()})
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def host(self) -> str:
        return f"marriage.localhost:{self.port}"

    def jwks(self) -> bytes:
        algorithm = jwt.get_algorithm_by_name("EdDSA")
        keys = [json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid} for kid, key in self.keys.items()]
        return json.dumps({"keys": keys}).encode()

    def assertion(
        self, method: str, target: str, *, kid: str = "one", typ: str = "citygate-assertion+jwt", **other: Any
    ) -> str:
        now = int(time.time())
        claims = {"iss": f"http://{self.host}", "aud": "marriage", "sub": "pairwise-1", "name": "李雷", "roles": []}
        claims |= {"acr": "2", "label": 2, "jti": os.urandom(8).hex(), "iat": now, "exp": now + 60}
        claims |= {"htm": method, "htu": target} | other
        return jwt.encode(claims, self.keys[kid], "EdDSA", headers={"kid": kid, "typ": typ})


@pytest.fixture(scope="module")
def door() -> Iterator[DoorKeys]:
    door = DoorKeys()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            door.asked.append(f"{self.headers['Host']}{self.path}")
            body = door.jwks()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    door.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield door
    server.shutdown()
    join_in_time(thread)
    server.server_close()


@dataclass
class Portal:
    door: DoorKeys
    port: int

    def send(
        self, method: str, target: str, body: bytes | None = None, *, assertion: str | None = None, **headers: str
    ):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        token = self.door.assertion(method, target) if assertion is None else assertion
        sent = {"X-Citygate-Assertion": token, "Origin": f"http://{self.door.host}"} | headers
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in sent.items()})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text


@pytest.fixture(scope="module")
def portal(door: DoorKeys) -> Iterator[Portal]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"--name": "marriage", "--port": str(port), "--door": f"http://127.0.0.1:{door.port}", "--host": door.host}
    told["--console"] = f"http://console.localhost:{door.port}"
    command = [sys.executable, str(PORTAL), *(part for pair in told.items() for part in pair)]
    with run_beside(command) as process:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Portal(door, port)
        process.terminate()


def test_it_imports_nothing_of_citygate() -> None:
    imports = [line for line in PORTAL.read_text().splitlines() if line.startswith(("import ", "from "))]
    allowed = {*sys.stdlib_module_names, "jwt", "flask", "werkzeug"}
    assert {line.split()[1].split(".")[0] for line in imports} <= allowed
    assert len(PORTAL.read_text().splitlines()) <= 300


def test_it_greets_by_the_name_that_the_door_asserts(portal: Portal) -> None:
    response, text = portal.send("GET", "/")
    assert response.status == 200
    assert "您好，李雷" in text
    assert response.headers["Cache-Control"] == "no-store"
    assert f"http://console.localhost:{portal.door.port}/" in text


def test_english_readers_read_english(portal: Portal) -> None:
    _, text = portal.send("GET", "/certificates/17", Accept_Language="en-GB")
    assert "Marriage certificate" in text


def test_whoami_shows_the_verified_claims(portal: Portal) -> None:
    _, text = portal.send("GET", "/whoami")
    assert json.loads(text)["sub"] == "pairwise-1"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "housing"},
        {"iss": "http://housing.localhost:1"},
        {"htm": "POST"},
        {"htu": "/files/2"},
        {"exp": 1},
        {"iat": 4_000_000_000},
        {"typ": "JWT"},
        {"jti": 7},
    ],
    ids=str,
)
def test_an_assertion_for_anything_else_is_refused(portal: Portal, changed: dict[str, Any]) -> None:
    assertion = portal.door.assertion("GET", "/files/1", **changed)
    response, text = portal.send("GET", "/files/1", assertion=assertion)
    assert response.status == 401
    assert "请从统一门户进入" in text


def test_no_assertion_and_a_foreign_signature_are_refused(portal: Portal) -> None:
    ours = portal.door.assertion("GET", "/")
    foreign = DoorKeys({"one": Ed25519PrivateKey.generate()}, port=portal.door.port).assertion("GET", "/")
    keyless = jwt.encode(
        jwt.decode(ours, options={"verify_signature": False}), "k" * 32, "HS256", headers={"kid": "one"}
    )
    for assertion in ("", "x", foreign, keyless, ours[:-4]):
        assert portal.send("GET", "/", assertion=assertion)[0].status == 401


def test_an_assertion_opens_one_request_only(portal: Portal) -> None:
    assertion = portal.door.assertion("GET", "/files/1?page=2")
    assert portal.send("GET", "/files/1?page=2", assertion=assertion)[0].status == 200
    assert portal.send("GET", "/files/1?page=2", assertion=assertion)[0].status == 401


def test_unknown_keys_do_not_make_it_ask_the_door_again_and_again(portal: Portal) -> None:
    portal.send("GET", "/")
    before = len(portal.door.asked)
    stranger = DoorKeys({"two": Ed25519PrivateKey.generate()}, port=portal.door.port)
    for _ in range(20):
        assert portal.send("GET", "/", assertion=stranger.assertion("GET", "/", kid="two"))[0].status == 401
    assert len(portal.door.asked) <= before + 1
    assert portal.door.asked[0] == f"{portal.door.host}/.well-known/citygate/jwks.json"


def test_an_application_is_shown_to_its_applicant_only(portal: Portal) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    response, text = portal.send("POST", "/applications", "text=五月二十日".encode(), **form)
    assert (response.status, "五月二十日" in text) == (201, True)
    assert "五月二十日" in portal.send("GET", "/applications")[1]
    other = portal.door.assertion("GET", "/applications", sub="pairwise-2")
    assert "五月二十日" not in portal.send("GET", "/applications", assertion=other)[1]


def test_a_form_sent_from_elsewhere_is_refused(portal: Portal) -> None:
    for origin in ("http://evil.localhost", "null", ""):
        assert portal.send("POST", "/applications", b"text=x", Origin=origin)[0].status == 403


def test_a_chunked_body_arrives_whole(portal: Portal) -> None:
    body = os.urandom(300_000)
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=10)
    headers = {"X-Citygate-Assertion": portal.door.assertion("POST", "/echo"), "Origin": f"http://{portal.door.host}"}
    connection.request("POST", "/echo", iter([body[:1000], body[1000:]]), headers, encode_chunked=True)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def test_events_come_while_the_answer_is_still_open(portal: Portal) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=10)
    connection.request("GET", "/events", headers={"X-Citygate-Assertion": portal.door.assertion("GET", "/events")})
    response = connection.getresponse()
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.readline() == b"id: 1\n"
    connection.close()
