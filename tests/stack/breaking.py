"""Ways to break the production profile, one part at a time, and to ask each of its gateways by itself."""

import contextlib
import html
import http.client
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psycopg

from city.issuer_administration import ACCOUNT
from idp.keycloak.admin import Admin
from tests.faults import visitor
from tests.faults.faults import alive, stopped
from tests.faults.visitor import Answer, _code, eventually, host_of
from tests.journeys.running_city import City

GATEWAYS = ("gateway-1", "gateway-2", "gateway-3")
DOORS = (*GATEWAYS, "control")
OURS = (*DOORS, "sequencer", "clock")
_PARTS = {"postgres": "postgres", "redis-server": "redis", "java": "keycloak", "nginx": "nginx", "nginx:": "nginx"}


def members(city: City) -> dict[str, int]:
    """The stack's running processes by name, as the kernel knows them."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            number = int(entry.name)
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == city.process.pid and state != "Z":
                found[_name(entry)] = number
    return found


def _name(entry: Path) -> str:
    words = (entry / "cmdline").read_bytes().decode().split("\0")
    if "--name" in words:
        return words[words.index("--name") + 1]
    if (program := Path(words[0].split()[0]).name) in _PARTS:
        return _PARTS[program]
    return environment(int(entry.name)).get("CITYGATE_NAME", "")


def environment(number: int) -> dict[str, str]:
    """What a process was started with."""
    told = Path(f"/proc/{number}/environ").read_text().split("\0")
    return dict(line.split("=", 1) for line in told if "=" in line)


def ready(city: City, name: str) -> tuple[int, str]:
    """What /readyz of one process of ours says; 0 where nobody answers."""
    with contextlib.suppress(OSError, http.client.HTTPException, KeyError):
        port = int(environment(members(city)[name])["CITYGATE_OPERATIONS_PORT"])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
    return 0, ""


def whole(city: City) -> bool:
    """Every process is there and says that it is ready, and a person with a key reaches a portal at label 3."""
    if any(ready(city, name)[0] != 200 for name in OURS):
        return False
    asked = visitor.ask(city, "marriage", "GET", "/certificates/17", visitor.key(city, "wang"))
    return asked.status == 200 and issuer(city) == 200


def issuer(city: City) -> int:
    """How Keycloak answers, asked at its own port."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", keycloak_port(city), timeout=2)) as connection:
        connection.request("GET", "/realms/city/.well-known/openid-configuration")
        return connection.getresponse().status


def keycloak_port(city: City) -> int:
    return int(urlsplit(city.facts["keycloak"]).port or 0)


def secret(city: City, name: str) -> str:
    """A password between two parts."""
    return (city.data.parent / "secrets" / name).read_text()


@contextlib.contextmanager
def down(city: City, name: str, how: signal.Signals = signal.SIGKILL) -> Iterator[None]:
    """A part that is gone, and whose supervisor does not notice, for the length of the block."""
    number = members(city)[name]
    with stopped(city.process.pid):
        os.kill(number, how)
        eventually(lambda: not alive(number), 20)
        yield


@contextlib.contextmanager
def hanging(city: City, name: str) -> Iterator[None]:
    """A part that stands still, with all its workers, for the length of the block."""
    number = members(city)[name]
    os.killpg(number, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(number, signal.SIGCONT)


def killed(city: City, name: str) -> float:
    """Kill it; how many seconds until it is there again and ready."""
    before, began = members(city)[name], time.monotonic()
    os.kill(before, signal.SIGKILL)
    there = (lambda: ready(city, name)[0] == 200) if name in OURS else (lambda: True)
    eventually(lambda: members(city).get(name, before) != before and there(), 60)
    return time.monotonic() - began


def at(city: City, gateway: str, host: str, method: str, target: str, headers: dict[str, str],
       body: str | None = None, seconds: float = 10) -> Answer:  # fmt: skip
    """One request at one gateway's own socket, as nginx would pass it on."""
    connection = _Unix(str(city.data / "run" / gateway / "proxied.sock"), timeout=seconds)
    proof = {"Host": host_of(city, host), "X-Citygate-Data-Plane": secret(city, "data-plane"),
             "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http"}  # fmt: skip
    with contextlib.closing(connection):
        connection.request(method, target, body, {**proof, **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def everywhere(city: City, host: str, target: str, headers: dict[str, str]) -> list[int]:
    """How each gateway answers a GET, in their order."""
    return [at(city, name, host, "GET", target, headers).status for name in GATEWAYS]


class _Unix(http.client.HTTPConnection):
    """HTTP over a socket file."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def recorded_by(city: City, number: str) -> str:
    """Whose spool holds the records of this request."""
    for name in DOORS:
        for segment in (city.data / "audit/spools" / name).glob("*.segment"):
            if number.encode() in segment.read_bytes():
                return name
    return ""


@contextlib.contextmanager
def administered(city: City) -> Iterator[Admin]:
    """Keycloak's own admin API, as somebody at its admin console uses it."""
    address = f"http://127.0.0.1:{keycloak_port(city)}"
    admin = Admin(address, account_realm="master", client_id=ACCOUNT, client_secret=secret(city, "provisioner"))
    try:
        yield admin
    finally:
        admin.close()


@contextlib.contextmanager
def database(city: City) -> Iterator[psycopg.Connection]:
    """The city's database, opened by somebody else."""
    told = environment(members(city)["control"])
    address = (
        told["CITYGATE_DATABASE"].replace("+psycopg", "").replace("citygate@", f"citygate:{secret(city, 'database')}@")
    )
    with psycopg.connect(address, autocommit=True, connect_timeout=2) as connection:
        yield connection


@dataclass
class Browser(visitor.Browser):
    """A profile that signs in on Keycloak's own pages."""

    def follow(self, answer: Answer, host: str) -> tuple[Answer, str]:
        for _ in range(10):
            if answer.status not in (302, 303):
                break
            place = urlsplit(answer.location)
            host = place.netloc.partition(".")[0] or host
            answer = self.ask(host, "GET", f"{place.path}?{place.query}" if place.query else place.path)
        return answer, host

    def sign_in(self, login: str, host: str = "marriage", assurance: int = 2) -> Answer:
        person = self.city.person(login)
        page, place = self.follow(self.ask(host, "GET", f"/.citygate/login?assurance={assurance}&return_to=/"), host)
        for _ in range(3):
            if place != "login" or page.status != 200:
                break
            filled = {"username": login, "password": person["password"]}
            if b'name="otp"' in page.body:
                filled = {"otp": _code(person)}
            page, place = self.follow(self.ask("login", "POST", action(page), filled), "login")
        return page

    def signed_in(self, login: str) -> Self:
        """Where nothing is broken; as a person does, once more where a busy machine was too slow for its lease."""
        eventually(lambda: self.sign_in(login).status == 200 and visitor.COOKIE in self.jars["marriage"], 20)
        return self

    @property
    def credential(self) -> dict[str, str]:
        """Her cookie for the marriage portal, as a header."""
        return {"Cookie": f"{visitor.COOKIE}={self.cookie}"}


def action(page: Answer) -> str:
    """Where the form of one of Keycloak's pages goes."""
    found = re.search(rb'action="([^"]+)"', page.body)
    assert found, f"no form on this page: {page.status}"
    place = urlsplit(html.unescape(found[1].decode()))
    return f"{place.path}?{place.query}"
