"""An issuer that listens on loopback and signs whatever a test wants: it gives refresh tokens, and says who left."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from idp.logout_token import EVENT
from tests.bounds import join_in_time
from tests.idp.tokens import PRIVATE, jwk, sign

Tokens = Callable[[dict[str, str]], tuple[int, Any]]


def refusing(_form: dict[str, str]) -> tuple[int, Any]:
    return 400, {"error": "invalid_grant"}


@dataclass
class LoopbackIssuer:
    """`tokens` answers what the token endpoint is asked."""

    url: str
    port: int = 0
    tokens: Tokens = refusing
    slow_seconds: float = 0.0
    asked: list[dict[str, str]] = field(default_factory=list)

    def documents(self, path: str) -> Any:
        base = urlsplit(self.url).path
        endpoints = f"{self.url}/protocol/openid-connect"
        if path == f"{base}/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{endpoints}/auth",
                "token_endpoint": f"{endpoints}/token",
                "jwks_uri": f"{endpoints}/certs",
                "end_session_endpoint": f"{endpoints}/logout",
            }
        return {"keys": [jwk("EdDSA", PRIVATE["EdDSA"])]}

    def logout_token(self, *, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """One of now, of a sign-on or person given by `sid` or `sub`."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": "citygate", "jti": f"j-{time.monotonic_ns()}", "typ": "Logout"}
        usual |= {"iat": now, "exp": now + 120, "events": {EVENT: {}}}
        body = {name: value for name, value in (usual | changed).items() if value is not None}
        return sign(body, {"typ": "logout+jwt"} | (header or {}))


@contextmanager
def loopback_issuer(url: str) -> Iterator[LoopbackIssuer]:
    issuer = LoopbackIssuer(url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.say(200, issuer.documents(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            issuer.asked.append(form)
            time.sleep(issuer.slow_seconds)
            self.say(*issuer.tokens(form))

        def say(self, status: int, answer: Any) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        join_in_time(thread)
        server.server_close()
