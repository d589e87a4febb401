"""A local issuer that really listens on loopback, a clock that is set by hand, and a small browser."""

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import uvicorn
from a2wsgi import WSGIMiddleware
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import DictLoader, Environment

from audit.city_time import CITY_TIME
from crypto.aead import Seal
from issuer.accounts import Accounts
from issuer.service import IssuerConfig, create_issuer
from issuer.signing_keys import SigningKeys
from tests.bounds import join_in_time

MARRIAGE, HOUSING = "http://marriage.localhost:8000", "http://housing.localhost:8000"
CLIENT_ID, CLIENT_SECRET = "citygate", "a client secret: with % and +"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

_PAGES = Environment(
    autoescape=True,
    loader=DictLoader(
        {
            "login.html": "<h1>{{ portal_name }}</h1><p>{{ error }}</p><form method=post action='{{ action }}'>"
            "<input name=login value='{{ login }}'><input name=password type=password>"
            "<input name=csrf value='{{ csrf }}'></form><a href='{{ restart_url }}'>restart</a>",
            "second_factor.html": "<p>{{ error }}</p><b>{{ login }}</b><form method=post action='{{ action }}'>"
            "<input name=code><input name=csrf value='{{ csrf }}'></form>",
            "issuer_error.html": "<h1>{{ title }}</h1><p>{{ message }}</p><a href='{{ restart_url }}'>restart</a>",
        }
    ),
)


def render(template: str, **context: str) -> str:
    return _PAGES.get_template(template).render(**context)


@dataclass
class Clock:
    now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def pass_by(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass(frozen=True, kw_only=True)
class LiveIssuer:
    url: str
    port: int
    app: Flask
    accounts: Accounts
    clock: Clock
    folder: Path

    @property
    def keys(self) -> SigningKeys:
        keys: SigningKeys = self.app.extensions["signing_keys"]
        return keys


@contextmanager
def listening(app: Flask, bound: socket.socket) -> Iterator[None]:
    """Serve `app` the way the product does: uvicorn and a2wsgi."""
    config = uvicorn.Config(
        WSGIMiddleware(app), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the issuer did not start within 30 s"
        time.sleep(0.01)
    yield
    server.should_exit = True
    join_in_time(thread)


@contextmanager
def live_issuer(folder: Path, clock: Clock) -> Iterator[LiveIssuer]:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    url = f"http://login.localhost:{port}/realms/city"
    seal = Seal(b"k" * 32)
    accounts = Accounts(folder / "accounts.db", seal, clock, hasher=CHEAP)
    config = IssuerConfig(
        zone=CITY_TIME,
        url=url,
        path=folder / "issuer.db",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        portals={MARRIAGE: "婚姻登记", HOUSING: "房产查询"},
    )
    app = create_issuer(config, accounts=accounts, seal=seal, render=render, clock=clock)
    with listening(app, bound):
        yield LiveIssuer(url=url, port=port, app=app, accounts=accounts, clock=clock, folder=folder)


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""

    def field(self, name: str) -> str:
        return unescape(re.search(rf"name={name} value='([^']*)'", self.text)[1])

    @property
    def action(self) -> str:
        return unescape(re.search(r"action='([^']*)'", self.text)[1])


@dataclass
class Browser:
    """Keeps the issuer's cookies; follows nothing by itself."""

    issuer: LiveIssuer
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, url: str, **headers: str) -> Answer:
        return self._send("GET", url, None, headers)

    def post(self, url: str, **fields: str) -> Answer:
        return self._send("POST", url, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})

    def sign_in(self, page: Answer, login: str = "li", password: str = PASSWORD) -> Answer:
        return self.post(page.action, login=login, password=password, csrf=page.field("csrf"))

    def give_code(self, page: Answer, code: str) -> Answer:
        return self.post(page.action, code=code, csrf=page.field("csrf"))

    def _send(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> Answer:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"Host": f"login.localhost:{self.issuer.port}"} | headers
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.issuer.port, timeout=10)
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode())
        connection.close()
        for header in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(header).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer
