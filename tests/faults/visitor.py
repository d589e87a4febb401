"""A client that does what it wants: a browser without a window, an access key, or plain bytes on a socket."""

import contextlib
import html
import http.client
import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import pyotp

from crypto.kept_key import kept_key
from tests.journeys.running_city import City

COOKIE = "__Host-citygate"
SECRET_PARAMETERS = {"code", "state", "id_token_hint"}
_SECONDS = 45  # no answer of the city takes longer, whatever is broken


@dataclass(frozen=True)
class Answer:
    """What came back; `request_id` is on every answer the door itself gives as a refusal."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    def json(self) -> Any:
        return json.loads(self.body)


def port_of(city: City) -> int:
    return int(city.console.rpartition(":")[2])


def host_of(city: City, name: str) -> str:
    return f"{name}.localhost:{port_of(city)}"


def ask(city: City, host: str, method: str, target: str, headers: dict[str, str] | None = None,
        body: Any = None, seconds: float = _SECONDS, source: str = "127.0.0.1") -> Answer:  # fmt: skip
    """One request to `host` ("marriage") on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(city), timeout=seconds, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request(method, target, body, {"Host": host_of(city, host), **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def key(city: City, login: str) -> dict[str, str]:
    """The header with which this person's commands sign in, at assurance 3."""
    return {"Authorization": f"Bearer {kept_key(city.data / 'keys', login)}"}


def ready(city: City) -> dict[str, str]:
    """What /readyz of the operations port says; {} where nobody answers."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port_of(city) + 1, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return {"status": str(answer.status), **json.loads(answer.read())}
    return {}


def eventually(claim: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until it is so; what the claim returned. The bound is generous: it is no measurement."""
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if found := claim():
                return found
        assert time.monotonic() < until, "it never became so"
        time.sleep(0.05)


def raw(city: City, data: bytes, *, port: int = 0, seconds: float = 3) -> bytes:
    """Send bytes as they are, to the public port; all that is said until it closes or falls silent."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port or port_of(city)), timeout=seconds) as wire:
        with contextlib.suppress(ConnectionError):
            wire.sendall(data)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while chunk := wire.recv(1 << 16):
                received += chunk
    return bytes(received)


def statuses(received: bytes) -> list[int]:
    """The status of every answer in what a connection carried."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3})", received)]


@dataclass
class Browser:
    """One profile: a cookie jar for each host; follows nothing by itself."""

    city: City
    jars: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: ClassVar[set[str]] = set()  # everything any of them ever held that nobody else may know
    codes: ClassVar[set[str]] = set()

    def ask(self, host: str, method: str, target: str, form: dict[str, str] | None = None,
            headers: dict[str, str] | None = None, seconds: float = _SECONDS) -> Answer:  # fmt: skip
        jar = self.jars.setdefault(host, {})
        sent = {"Accept": "text/html", **(headers or {})}
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        answer = ask(self.city, host, method, target, sent, urlencode(form) if form is not None else None, seconds)
        for cookie in answer.headers.get_all("set-cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.secrets.add(value)
            if value:
                jar[name] = value
            else:
                jar.pop(name, None)
        told = dict(parse_qsl(urlsplit(answer.location).query))
        self.secrets |= {csrf_of(answer.body), *(told[name] for name in SECRET_PARAMETERS & told.keys())}
        return answer

    def follow(self, answer: Answer, host: str) -> tuple[Answer, str]:
        """Go where redirects lead, never out of the city; the last answer and its host."""
        for _ in range(10):
            if answer.status != 303:
                break
            place = urlsplit(answer.location)
            assert place.netloc in ("", host_of(self.city, place.netloc.partition(".")[0])), "led out of the city"
            host = place.netloc.partition(".")[0] or host
            answer = self.ask(host, "GET", f"{place.path}?{place.query}" if place.query else place.path)
        return answer, host

    def sign_in(self, login: str, host: str = "marriage", assurance: int = 2) -> Answer:
        """Password, and a one-time code for assurance 3."""
        person = self.city.person(login)
        start = self.ask(host, "GET", f"/.citygate/login?assurance={assurance}&return_to=/")
        page, at = self.follow(start, host)
        if b'name="password"' in page.body:
            filled = {"login": login, "password": person["password"]}
            page, at = self.follow(self.submit(page, at, filled), at)
        if b'name="code"' in page.body:
            page, at = self.follow(self.submit(page, at, {"code": _code(person)}), at)
        assert at == host, f"no way back from the sign-in: {page.status}"
        return page

    def submit(self, page: Answer, host: str, filled: dict[str, str]) -> Answer:
        """Send the first form of a page."""
        action = form_action(page.body)
        return self.ask(
            host, "POST", action, {"csrf": csrf_of(page.body), **filled}, {"Origin": origin(self.city, host)}
        )

    @property
    def cookie(self) -> str:
        return self.jars["marriage"][COOKIE]


def origin(city: City, host: str) -> str:
    return f"http://{host_of(city, host)}"


def csrf_of(page: bytes) -> str:
    found = re.search(rb'name="csrf" value="([^"]*)"', page)
    return html.unescape(found[1].decode()) if found else ""


def form_action(page: bytes) -> str:
    found = re.search(rb'<form method="post" action="([^"]+)"', page)
    assert found, "no form on this page"
    return html.unescape(found[1].decode())


def _code(person: dict[str, Any]) -> str:
    """A code that was not used; the issuer takes the next one as well (RFC 6238 §5.2)."""
    step = max(int(time.time()) // 30, person.get("last_step", 0) + 1)
    while step > time.time() // 30 + 1:
        time.sleep(0.2)
    person["last_step"] = step
    code = pyotp.TOTP(person["totp_secret"]).generate_otp(step)
    Browser.codes.add(code)
    return code
