"""One real Keycloak for a whole test run, with the realm of the plan, and a small browser for its pages.

It is started by the first test that asks for it. Tests share the realm: whoever changes it applies the plan again, and
everybody signs in as somebody of their own.
"""

import base64
import hashlib
import http.client
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest

from city.issuer_administration import ACCOUNT
from city.stack.keycloak import keycloak, prepare
from city.supervisor import Supervisor, free_ports
from console.signin.routes import BACKCHANNEL_LOGOUT_PATH as LOGOUT_PATH
from crypto.aead import Seal
from idp.issuer import Backchannel, Issuer
from idp.keycloak.admin import MAKING_SECONDS, Admin
from idp.keycloak.apply import apply
from idp.keycloak.people import Enrolled, enrol, subjects
from idp.keycloak.realm import CLIENT_ID, REALM, Plan
from idp.relying_party import CALLBACK_PATH, RelyingParty
from tests.bounds import join_in_time
from tests.needs import need

CACHE = Path(__file__).parents[2] / ".citygate"
MARRIAGE, HOUSING = "http://marriage.localhost:8000", "http://housing.localhost:8000"
ADMIN_SECRET, CLIENT_SECRET, WATCHER_SECRET = (f"canary-{secrets.token_urlsafe(24)}" for _ in range(3))


@dataclass(frozen=True, kw_only=True)
class LiveKeycloak:
    port: int
    public_port: int
    plan: Plan
    admin: Admin
    logouts: "Queue[tuple[str, str]]"  # content type and body of every back-channel logout
    log: Path
    supervisor: Supervisor

    @property
    def url(self) -> str:
        return f"http://login.localhost:{self.public_port}/realms/{REALM}"

    @property
    def console(self) -> str:
        """A host at the address that browsers know, where a test may listen."""
        return f"http://console.localhost:{self.public_port}"

    def as_client(self, client_id: str, secret: str) -> Admin:
        return Admin(
            self.address, account_realm=REALM, client_id=client_id, client_secret=secret, timeout_seconds=MAKING_SECONDS
        )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def issuer(self, **other: Any) -> Issuer:
        place = Backchannel(address="127.0.0.1", port=self.port)
        return Issuer(self.url, **{"backchannel": place, "monotonic": time.monotonic} | other)

    def party(self, issuer: Issuer | None = None) -> RelyingParty:
        return RelyingParty(
            issuer or self.issuer(),
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            seal=Seal(b"r" * 32),
            spent=Once(),
            clock=lambda: datetime.now(UTC),
        )

    def somebody(self, name: str = "李雷", *, code: bool = True) -> "Somebody":
        """A new person of the realm."""
        login, password = f"p{secrets.token_hex(4)}", f"canary-{secrets.token_hex(8)}"
        secret = pyotp.random_base32() if code else ""
        enrol(self.admin, [Enrolled(login=login, name=name, password=password, totp_secret=secret)])
        return Somebody(self, login, password, secret, subjects(self.admin, [login])[login])


class Once:
    """States are spent once; the least that a relying party needs."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def claim(self, key: str, *, seconds: int = 0) -> bool:
        first = key not in self._seen
        self._seen.add(key)
        return first

    spend = claim


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""

    @property
    def action(self) -> str:
        return unescape(re.search(r'<form[^>]*action="([^"]*)"', self.text)[1])

    @property
    def query(self) -> str:
        return urlsplit(self.location).query


@dataclass
class Browser:
    """Keeps Keycloak's cookies, follows nothing by itself, and reaches every host at Keycloak's own port."""

    live: LiveKeycloak
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, url: str, **headers: str) -> Answer:
        return self._send("GET", url, None, headers)

    def post(self, url: str, **fields: str) -> Answer:
        return self._send("POST", url, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})

    def _send(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> Answer:
        place = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=20)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        target = place.path + (f"?{place.query}" if place.query else "")
        connection.request(method, target, body, {"Host": place.netloc, "Cookie": cookie, **headers})
        response = connection.getresponse()
        for given in response.headers.get_all("Set-Cookie") or []:
            name, _, rest = given.partition("=")
            self.cookies[name] = rest.partition(";")[0]
            if "Max-Age=0" in given:
                del self.cookies[name]
        answer = Answer(response.status, response.headers, response.read().decode())
        connection.close()
        return answer


@dataclass
class Somebody:
    live: LiveKeycloak
    login: str
    password: str
    secret: str
    sub: str
    browser: Browser = None
    used: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.browser = Browser(self.live)

    def code(self) -> str:
        """A one-time code that was not used before; Keycloak takes those of the steps before and after, too."""
        now = int(datetime.now(UTC).timestamp()) // 30
        step = next(one for one in (now, now + 1, now - 1) if one not in self.used)
        self.used.add(step)
        return pyotp.TOTP(self.secret).generate_otp(step)

    def answer(self, url: str) -> Answer:
        """Go there and fill in whatever is asked, until the browser is sent away."""
        answer = self.browser.get(url)
        for _ in range(3):
            if answer.status != 200:
                break
            given = {"otp": self.code()} if 'name="otp"' in answer.text else self._password()
            answer = self.browser.post(answer.action, **given)
        return answer

    def _password(self) -> dict[str, str]:
        return {"username": self.login, "password": self.password}

    def tokens(self, *, acr: int = 0, origin: str = MARRIAGE) -> dict[str, Any]:
        """What the token endpoint answers to a code of hers."""
        verifier = secrets.token_urlsafe(48)
        answer = self.answer(
            f"{self.live.url}/protocol/openid-connect/auth?{urlencode(request(verifier, acr, origin))}"
        )
        form = {"grant_type": "authorization_code", "code": parse_qs(answer.query)["code"][0],
                "redirect_uri": origin + CALLBACK_PATH, "code_verifier": verifier}  # fmt: skip
        return dict(redeemed(self.live, form))

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        return dict(redeemed(self.live, {"grant_type": "refresh_token", "refresh_token": refresh_token}))


def redeemed(live: LiveKeycloak, form: dict[str, str]) -> dict[str, Any]:
    """Raises LoginRejected."""
    return dict(live.issuer().redeem(form, client_id=CLIENT_ID, client_secret=CLIENT_SECRET))


def request(verifier: str, acr: int = 0, origin: str = MARRIAGE) -> dict[str, str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": origin + CALLBACK_PATH, "scope": "openid",
             "state": "s", "nonce": "n", "code_challenge": challenge, "code_challenge_method": "S256"}  # fmt: skip
    return asked | ({"acr_values": str(acr)} if acr else {})


class _LogoutListener(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.put((self.headers["Content-Type"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def live_keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKeycloak]:
    need("java", "mvn")
    folder = tmp_path_factory.mktemp("keycloak")
    template = prepare(CACHE)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _LogoutListener)
    listener.heard = Queue()
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    port, public_port = free_ports(2)
    plan = Plan(
        origins=(MARRIAGE, HOUSING, f"http://console.localhost:{public_port}"),
        logout_url=f"http://console.localhost:{listener.server_port}{LOGOUT_PATH}",
        client_secret=CLIENT_SECRET,
        watcher_secret=WATCHER_SECRET,
    )
    process = keycloak(
        folder / "keycloak", template=template, port=port, public_port=public_port, domain="localhost",
        admin_secret=ADMIN_SECRET, hosts=["console.localhost"],
    )  # fmt: skip
    supervisor = Supervisor(logs=folder)
    try:
        supervisor.start([process], within_seconds=120)
        admin = Admin(
            f"http://127.0.0.1:{port}", account_realm="master", client_id=ACCOUNT, client_secret=ADMIN_SECRET,
            timeout_seconds=MAKING_SECONDS,
        )  # fmt: skip
        apply(admin, plan)
        yield LiveKeycloak(
            port=port, public_port=public_port, plan=plan, admin=admin, logouts=listener.heard,
            log=folder / "keycloak.log", supervisor=supervisor,
        )  # fmt: skip
        admin.close()
    finally:
        supervisor.stop()
        listener.shutdown()
        listener.server_close()
        join_in_time(thread)
        shutil.rmtree(folder, ignore_errors=True)
