"""Keycloak's administration is asked with bounded patience, and fails in one way."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.admin import Admin
from idp.keycloak.realm import REALM
from tests.bounds import join_in_time
from tests.stack.keycloak import LiveKeycloak

SECRET = "canary-of-the-administration"


def admin_at(port: int, **more: float) -> Admin:
    return Admin(f"http://127.0.0.1:{port}", account_realm="master", client_id="x", client_secret=SECRET, **more)


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[int]:
    """A server whose token endpoint works, and which answers everything else with the first of `answers` left."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send(200, b'{"access_token":"t","expires_in":60}')

        def do_GET(self) -> None:
            self._send(*left.pop(0))

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        join_in_time(thread)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_there_is_the_one_error_and_says_no_secret() -> None:
    with pytest.raises(IssuerAdministrationUnavailable) as refused:
        admin_at(free_port()).get(REALM)
    assert SECRET not in repr(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("status", "body"), [(500, b"{}"), (502, b"<html>"), (403, b'{"error":"no"}'), (200, b"<html>"), (401, b"{}")]
)
def test_every_other_answer_is_the_one_error(status: int, body: bytes) -> None:
    with answering(*[(status, body)] * 2) as port, pytest.raises(IssuerAdministrationUnavailable):
        admin_at(port).get(REALM)


def test_what_is_not_there_is_none() -> None:
    with answering((404, b"{}")) as port:
        assert admin_at(port).get(REALM) is None


def test_a_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(IssuerAdministrationUnavailable):
            admin_at(silent.getsockname()[1], timeout_seconds=0.3).get(REALM)
        assert time.monotonic() - begun < 3


def test_no_proxy_of_the_environment_is_handed_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with answering((200, b'{"realm":"city"}')) as port:
        assert admin_at(port).get(REALM) == {"realm": "city"}


def test_a_wrong_secret_is_the_one_error(live_keycloak: LiveKeycloak) -> None:
    with pytest.raises(IssuerAdministrationUnavailable) as refused:
        live_keycloak.as_client("citygate-watcher", SECRET).get(REALM)
    assert SECRET not in repr(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda admin: admin.post(f"{REALM}/users", {"username": ""}),
        lambda admin: admin.put(f"{REALM}/users/nobody", {}),
        lambda admin: admin.delete(f"{REALM}/users/nobody"),
    ],
    ids=["post", "put", "delete"],
)
def test_what_keycloak_will_not_do_is_the_one_error(
    live_keycloak: LiveKeycloak, call: Callable[[Admin], object]
) -> None:
    with pytest.raises(IssuerAdministrationUnavailable, match="answered 4"):
        call(live_keycloak.admin)


def test_the_library_is_loaded_only_by_who_administers() -> None:
    code = (
        "import sys, idp.keycloak.apply, idp.keycloak.changes, idp.keycloak.people; sys.exit('keycloak' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False, timeout=120).returncode
        == 0
    )
