"""How commands ask the city: over HTTP, through the door, as a person with an access key."""

import functools
import http.client
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

import click

from commands.local_city import data_folder, local_city
from commands.output import EXIT_DENIED, EXIT_NOT_FOUND, EXIT_UNAVAILABLE, EXIT_USAGE, exit_of, fail

_ANSWER_SECONDS = 30
_RAW = "!$&'()*+,=:@"  # stands raw in a path, as letters, digits and -._~ do; all else is encoded
_UNREADABLE = re.compile("[\ud800-\udfff]")  # bytes of an argument that are no text (PEP 383)
_NOWHERE = frozenset("/\\%;?#")  # has no spelling in a path that the door takes


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


def clock() -> datetime:
    """Return the time of day, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One command's connection; what the city refuses ends the command with the refusal's words and exit status."""

    port: int
    host: str
    key: str
    as_json: bool

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON answer to one request."""
        return _read(self._answer(method, path, body))

    def fetch(self, path: str) -> bytes:
        """What a page of ours answers, as it is."""
        return self._answer("GET", path)

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
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
        people = self.ask("GET", target("/api/v1/departments", department, "people", q=login))["items"]
        subject = next((str(one["id"]) for one in people if one["login"] == login), "")
        if not subject:
            fail(f"nobody in `{department}` signs in as `{login}`", EXIT_NOT_FOUND)
        return subject

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
            with local_city(data_folder(data)) as city:
                key = city.access_key(as_login or city.holder(office))
                command(Door(port=city.port, host=city.console, key=key, as_json=as_json), **options)

        return run

    return decorate
