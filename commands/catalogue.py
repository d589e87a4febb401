"""Commands of the catalogue: publish and find resources, make apps, share, and call an open API as an app does."""

import http.client
import json
import mimetypes
import re
import secrets
import stat
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click

from commands.checks import faults_of_share, moment
from commands.client import Door, check, clock, door, target
from commands.output import EXIT_UNAVAILABLE, EXIT_USAGE, exit_of, fail, receipt_line, table
from commands.signing import AppRequest, authorization, content_digest

_FIELDS = ("produced", "publisher", "category", "version", "description", "carrier", "form", "location")
_ANSWER_BYTES, _ANSWER_SECONDS = 1 << 20, 30
_PORTS = {"http": 80, "https": 443}
_AS_SENT = re.compile(r"[\x21-\x7e]+")
_URL = "give the URL as http://HOST[:PORT]/PATH in ASCII, the rest percent-encoded, and --connect as HOST:PORT"
_APP = re.compile(r"(app:)?(?P<key>[0-9A-Z]+)", re.ASCII)
_RESOURCE = ("id", "name", "department", "label", "version", "system", "path")
_SHARE = ("id", "resource_name", "app", "app_name", "app_department", "until", "purpose")


@click.group("resource")
def resource_group() -> None:
    """Information resources: what departments publish for each other."""


@resource_group.command("publish")
@click.argument("department")
@click.argument("system")
@click.argument("path")
@click.option("--name", required=True)
@click.option("--produced", required=True, help="A day, 2026-03-01.")
@click.option("--publisher", required=True)
@click.option("--category", required=True)
@click.option("--version", default="1.0", show_default=True)
@click.option("--description", required=True)
@click.option("--carrier", default="电子", show_default=True)
@click.option("--form", default="表格", show_default=True)
@click.option("--location", required=True)
@click.option("--of", help="An id: publish this as its next version.")
@door("department-administrator")
def resource_publish(door: Door, department: str, system: str, path: str, of: str | None, **told: str) -> None:
    """Publish what PATH of SYSTEM gives, as DEPARTMENT's."""
    base = target("/api/v1/departments", department, "resources")
    if of:
        answer = door.ask("POST", target(base, of, "versions"), told)
        door.tell(answer, f"published: {answer['id']}, version {answer['version']}")
        return
    answer = door.ask("POST", base, {**told, "system": system, "path": path})
    door.tell(answer, f"published: {answer['id']}, label {answer['label']}, {receipt_line(answer['receipt'])}")


@resource_group.command("list")
@click.option("--q", default="", help="Words in the name or description.")
@click.option("--cursor", default="", help="Where the page before ended.")
@door("staff")
def resource_list(door: Door, q: str, cursor: str) -> None:
    """One page of the catalogue, newest first."""
    answer = door.ask("GET", target("/api/v1/catalogue", q=q, cursor=cursor))
    door.tell(answer, table(answer["items"], _RESOURCE))


@resource_group.command("show")
@click.argument("resource")
@door("staff")
def resource_show(door: Door, resource: str) -> None:
    """Every field of RESOURCE, and who may use it now."""
    answer = door.ask("GET", target("/api/v1/catalogue", resource))
    names = ("name", *_FIELDS, "department", "label", "system", "path", "published_at", "record")
    rows = [{"field": name, "value": str(answer[name])} for name in names]
    door.tell(answer, table(rows, ("field", "value")) + "\n\n" + table(answer["shares"], _SHARE))


@resource_group.command("withdraw")
@click.argument("department")
@click.argument("resource")
@door("department-administrator")
def resource_withdraw(door: Door, department: str, resource: str) -> None:
    """Take RESOURCE out of the catalogue, and from everybody it is shared to."""
    answer = door.ask("DELETE", target("/api/v1/departments", department, "resources", resource))
    door.tell(answer, f"withdrawn: {resource}, {receipt_line(answer['receipt'])}")


@click.group("app")
def app_group() -> None:
    """Apps: programs of a department, each with a key."""


@app_group.command("create")
@click.argument("department")
@click.argument("name")
@click.option("--key-file", type=click.Path(path_type=Path), required=True, help="Where its secret is written, 0600.")
@door("department-administrator")
def app_create(door: Door, department: str, name: str, key_file: Path) -> None:
    """Make an app NAME of DEPARTMENT; its secret is told once, into the key file alone."""
    try:
        key_file.touch(mode=0o600, exist_ok=False)
    except OSError as failure:
        fail(f"cannot make `{key_file}`: {failure.strerror}", EXIT_USAGE)
    try:
        answer = door.ask("POST", target("/api/v1/departments", department, "apps"), {"name": name})
    except BaseException:  # also Ctrl-C: an empty file is no key
        key_file.unlink()
        raise
    key_file.write_text(json.dumps({"id": answer["id"], "secret": answer.pop("secret")}))
    door.tell(answer | {"key_file": str(key_file)}, f"made: {answer['id']}, its secret is in {key_file}")


@app_group.command("list")
@click.argument("department")
@door("department-administrator")
def app_list(door: Door, department: str) -> None:
    """The apps of DEPARTMENT, and what they may use now."""
    answer = door.ask("GET", target("/api/v1/departments", department, "apps"))
    columns = ("id", "name", "created_at", "expires_at", "paused_at")
    door.tell(answer, table(answer["items"], columns) + "\n\n" + table(answer["shares"], _SHARE))


@app_group.command("end")
@click.argument("department")
@click.argument("app")
@door("department-administrator")
def app_end(door: Door, department: str, app: str) -> None:
    """No gateway takes the key of APP from then on."""
    answer = door.ask("DELETE", target("/api/v1/departments", department, "apps", app))
    door.tell(answer, f"ended: {app}, {receipt_line(answer['receipt'])}")


@app_group.command("pause")
@click.argument("department")
@click.argument("app")
@door("department-administrator")
def app_pause(door: Door, department: str, app: str) -> None:
    """No gateway takes the key of APP until it is resumed."""
    answer = door.ask("POST", target("/api/v1/departments", department, "apps", app, "pause"))
    door.tell(answer, f"paused: {app}, {receipt_line(answer['receipt'])}")


@app_group.command("resume")
@click.argument("department")
@click.argument("app")
@door("department-administrator")
def app_resume(door: Door, department: str, app: str) -> None:
    """Ask that the key of APP is taken again; a security administrator approves."""
    answer = door.ask("POST", target("/api/v1/departments", department, "apps", app, "resume"))
    door.tell(answer, f"resumed: {app}, {receipt_line(answer['receipt'])}")


@app_group.command("call")
@click.argument("key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("url")
@click.option(
    "--method", type=click.Choice(["GET", "POST", "PUT", "PATCH", "DELETE"]), default="GET", show_default=True
)
@click.option("--body", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--connect", default="", help="HOST:PORT to connect to, where the URL's host has no address.")
def app_call(key_file: Path, url: str, method: str, body: Path | None, connect: str) -> None:
    """Sign one request with the key in KEY_FILE, send it, print the answer; not through any other key of this city."""
    key, secret = _kept(key_file)
    parts, at = _address(url, connect)
    sent = body.read_bytes() if body else b""
    kind = mimetypes.guess_type(body)[0] or "application/octet-stream" if body and sent else ""
    name = parts.hostname or ""
    asked = parts._replace(scheme="", netloc="", fragment="", path=parts.path or "/").geturl()
    digest = content_digest(sent)
    asking = AppRequest(method=method, host=name, target=asked, content_type=kind, digest=digest)
    nonce, moment_sent = secrets.token_urlsafe(18), int(clock().timestamp())
    signed = authorization(asking, key=key, secret=secret, time=moment_sent, nonce=nonce)
    headers = {"Host": parts.netloc, "Authorization": signed, "Accept": "application/json"}
    headers |= {"Content-Digest": digest, "Content-Type": kind} if sent else {}
    status, answer = _sent(parts.scheme, at, (method, asked, sent or None, headers))
    click.echo(answer)
    if status >= 400:
        fail(f"refused: {status}", exit_of(status))


def _kept(key_file: Path) -> tuple[str, bytes]:
    """The id and the secret that `app create` wrote."""
    if key_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        fail(f"`{key_file}` may be read by others: chmod 600", EXIT_USAGE)
    try:
        kept = json.loads(key_file.read_text())
        found, secret = _APP.fullmatch(kept["id"]), kept["secret"].encode()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        found, secret = None, b""
    if found is None:
        fail(f"`{key_file}` is no key file: give the one that `app create` wrote", EXIT_USAGE)
    return found["key"], secret


def _address(url: str, connect: str) -> tuple[SplitResult, tuple[str, int]]:
    """The parts of `url`, which is signed and sent as it stands, and the host and port to connect to."""
    try:
        parts, door = urlsplit(url), urlsplit(f"//{connect}")
        name, usual = parts.hostname or "", _PORTS[parts.scheme]
        host = door.hostname or ("127.0.0.1" if name.endswith(".localhost") else name)
        host.encode("idna")  # as the lookup of the host will
        at = (host, door.port or parts.port or usual)
    except (ValueError, KeyError):
        fail(_URL, EXIT_USAGE)
    if not name or parts.username is not None or door.path or not _AS_SENT.fullmatch(url + connect):
        fail(_URL, EXIT_USAGE)
    return parts, at


def _sent(scheme: str, at: tuple[str, int], request: tuple[Any, ...]) -> tuple[int, str]:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(*at, timeout=_ANSWER_SECONDS)
    try:
        connection.request(*request)
        response = connection.getresponse()
        return response.status, response.read(_ANSWER_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException) as failure:
        fail(f"no answer: {failure}", EXIT_UNAVAILABLE)
    finally:
        connection.close()


@click.group("share")
def share_group() -> None:
    """Who may use which resource, and until when."""


@share_group.command("ask")
@click.argument("resource")
@click.argument("app")
@click.option("--purpose", required=True, help="One line; it stands in the record.")
@click.option("--until", required=True, help="RFC 3339, at most 366 days from now.")
@door("department-administrator")
def share_ask(door: Door, resource: str, app: str, purpose: str, until: str) -> None:
    """Ask that APP may use RESOURCE; its owner decides."""
    check(faults_of_share(purpose=purpose, until=moment(until), now=clock()))
    owner = door.ask("GET", target("/api/v1/catalogue", resource))["department"]
    body = {"app": app, "purpose": purpose, "until": until}
    answer = door.ask("POST", target("/api/v1/departments", owner, "resources", resource, "shares"), body)
    door.tell(answer, f"shared: {answer['id']}, {receipt_line(answer['receipt'])}")


@share_group.command("list")
@click.argument("resource")
@door("staff")
def share_list(door: Door, resource: str) -> None:
    """Who may use RESOURCE now."""
    answer = {"items": door.ask("GET", target("/api/v1/catalogue", resource))["shares"]}
    door.tell(answer, table(answer["items"], _SHARE))


@share_group.command("end")
@click.argument("department")
@click.argument("share")
@click.option("--resource", help="Of DEPARTMENT, which owns it.")
@click.option("--app", help="Of DEPARTMENT, which uses it.")
@door("department-administrator")
def share_end(door: Door, department: str, share: str, resource: str | None, app: str | None) -> None:
    """End SHARE: as the owner of --resource, or as who uses it with --app."""
    if bool(resource) == bool(app):
        fail("say either --resource or --app", EXIT_USAGE)
    place = ("resources", resource) if resource else ("apps", app or "")
    answer = door.ask("DELETE", target("/api/v1/departments", department, *place, "shares", share))
    door.tell(answer, f"ended: {share}, {receipt_line(answer['receipt'])}")
