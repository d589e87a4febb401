"""How commands ask the city: over HTTP, through the door, as a person with an access key."""

import functools
import http.client
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

import click

from city.clock import clock
from city.demo import address_of, up
from city.founding import found, people_of
from city.identifiers import mint
from city.settings import Settings, SettingsInvalid, from_environment
from city.supervisor import CannotStart, Taken
from idp.access_key import kept_key
from idp.errors import CredentialRejected

EXIT_FAILED, EXIT_USAGE, EXIT_DENIED, EXIT_NOT_FOUND, EXIT_CONFLICT, EXIT_INTEGRITY, EXIT_UNAVAILABLE = range(1, 8)
_EXITS = {401: EXIT_DENIED, 403: EXIT_DENIED, 404: EXIT_NOT_FOUND, 409: EXIT_CONFLICT, 412: EXIT_CONFLICT,
          400: EXIT_USAGE, 422: EXIT_USAGE,
          502: EXIT_UNAVAILABLE, 503: EXIT_UNAVAILABLE, 504: EXIT_UNAVAILABLE}  # fmt: skip
_ANSWER_SECONDS = 30
_RAW = "!$&'()*+,=:@"  # stands raw in a path, as letters, digits and -._~ do; all else is encoded
_UNREADABLE = re.compile("[\ud800-\udfff]")  # bytes of an argument that are no text (PEP 383)
_NOWHERE = frozenset("/\\%;?#")  # has no spelling in a path that the door takes


def fail(message: str, status: int) -> NoReturn:
    """End with one line on stderr, whatever the message quotes."""
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in message)
    click.echo(f"citygate: {line}", err=True)
    sys.exit(status)


def exit_of(status: int) -> int:
    """With which a command ends that was answered so."""
    return _EXITS.get(status, EXIT_FAILED)


def does_not_start(why: Exception) -> NoReturn:
    """End because the city does not come up: what was asked makes no sense, is taken, or something failed."""
    exits = {SettingsInvalid: EXIT_USAGE, Taken: EXIT_CONFLICT}
    fail(str(why), exits.get(type(why), EXIT_FAILED))


def target(base: str, *parts: str, **query: str) -> str:
    """What to ask for: each of `parts` is one segment below `base`, in the one spelling that the door takes.

    A part without such a spelling names nothing, and ends the command.
    """
    for part in parts:
        if part in ("", ".", "..") or not part.isprintable() or not _NOWHERE.isdisjoint(part):
            fail(f"`{part}` is no name: one is neither empty nor dots, and holds none of / \\ % ; ? #", EXIT_USAGE)
    path = "/".join((base, *(quote(part, safe=_RAW) for part in parts)))
    return f"{path}?{urlencode(query)}" if query else path


def check(errors: Iterable[Mapping[str, str]]) -> None:
    """End before asking what the city would refuse: nobody is to approve what cannot be done."""
    if wrong := _fields(errors):
        fail(f"not asked: {wrong}", EXIT_USAGE)


def _fields(errors: Iterable[Mapping[str, str]]) -> str:
    return ", ".join(" ".join(map(str, error.values())) for error in errors)


def moment(text: str) -> datetime | None:
    """A moment as the API reads it, RFC 3339; None for what is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else None


def configured(data: Path | None, port: int | None = None) -> Settings:
    """Settings of the environment, as overruled by options."""
    try:
        settings = from_environment()
        settings = replace(settings, data=(data or settings.data).resolve(), port=port or settings.port)
        if settings.data.exists() and not settings.data.is_dir():
            fail(f"`{settings.data}` is no folder", EXIT_USAGE)
    except (SettingsInvalid, OSError, ValueError) as invalid:  # a path with a NUL, or too long
        fail(str(invalid), EXIT_USAGE)
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One command's connection; what the city refuses ends the command with the refusal's words and exit status."""

    port: int
    host: str
    key: str
    as_json: bool

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON answer to one request."""
        return _read(self._told(method, path, body))

    def fetch(self, path: str) -> bytes:
        """What a page of ours answers, as it is."""
        return self._told("GET", path)

    def _told(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)
        headers = {"Host": self.host, "Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, json.dumps(body).encode() if body is not None else None, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as failure:
            fail(f"no answer from the city: {failure}", EXIT_UNAVAILABLE)
        finally:
            connection.close()
        if response.status >= 400:
            self._refused(response.status, _read(answer))
        return answer

    def person(self, department: str, login: str) -> str:
        """The subject id of a login in this department or below it."""
        found_people = self.ask("GET", target("/api/v1/departments", department, "people", q=login))["items"]
        for one in found_people:
            if one["login"] == login:
                return str(one["id"])
        fail(f"nobody in `{department}` signs in as `{login}`", EXIT_NOT_FOUND)

    def tell(self, answer: Mapping[str, Any], text: str) -> None:
        """Print the answer: JSON where that was asked, else text."""
        click.echo(json.dumps(answer, ensure_ascii=False) if self.as_json else text)

    def _refused(self, status: int, answer: Mapping[str, Any]) -> NoReturn:
        if self.as_json:
            click.echo(json.dumps(answer, ensure_ascii=False))
        if answer.get("missing") == "approver" and answer.get("request"):
            fail(f"waits for a second person: request {answer['request']}", EXIT_DENIED)
        why = f"{answer.get('code', status)} ({_fields(answer.get('errors', ())) or answer.get('reason', '')})"
        fail(f"refused: {why}, reference {answer.get('instance', '-')}", exit_of(status))


def _read(answer: bytes) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(answer)
    except ValueError as failure:
        fail(f"no answer from the city: {failure}", EXIT_UNAVAILABLE)
    return read


def door(office: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a Door as its first argument; unless `--as` names somebody, as the first holder of `office`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--as", "as_login", help="Whose access key is used.")
        @click.option("--data", type=click.Path(path_type=Path), help="Where the city lives.")
        @click.option("--json", "as_json", is_flag=True)
        @functools.wraps(command)
        def run(*, as_login: str | None, data: Path | None, as_json: bool, **options: Any) -> None:
            if any(isinstance(one, str) and _UNREADABLE.search(one) for one in options.values()):
                fail("an argument is not UTF-8", EXIT_USAGE)
            settings = configured(data)
            with ExitStack() as stack:
                port, people = _city(settings, stack)
                who = as_login or next((str(one["login"]) for one in people if one["role"] == office), "")
                try:
                    key = kept_key(settings.data / "keys", who)
                except CredentialRejected:
                    fail(f"no access key is kept here for `{who}`", EXIT_DENIED)
                host = f"console.{settings.domain}:{port}"
                command(Door(port=port, host=host, key=key, as_json=as_json), **options)

        return run

    return decorate


def _city(settings: Settings, stack: ExitStack) -> tuple[int, Iterable[Mapping[str, Any]]]:
    """The port of the running city and its people; where none runs, one is started for this command alone."""
    if port := address_of(settings.data):
        return port, people_of(settings.data)
    try:
        people = found(settings, clock=clock, mint=mint)
        stack.enter_context(up(settings, people))
    except (CannotStart, SettingsInvalid) as failure:
        does_not_start(failure)
    return settings.port, people


def receipt_line(receipt: Mapping[str, Any]) -> str:
    """A receipt in a line."""
    return f"effective at {receipt['confirmed']}/{receipt['live']} gateways after {receipt['seconds']} s"


def table(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> str:
    """Rows under their columns' names, two blanks apart."""
    lines = [columns, *(tuple(str(row.get(name) or "-") for name in columns) for row in rows)]
    widths = [max(_columns(line[i]) for line in lines) for i in range(len(columns))]
    padded = ([cell + " " * (widths[i] - _columns(cell)) for i, cell in enumerate(line)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def _columns(text: str) -> int:
    """How many columns a terminal gives `text`; a Chinese character takes two (UAX #11)."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
