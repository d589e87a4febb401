"""Commands that ask the city for something: through the door, as a person."""

from typing import Any
from urllib.parse import urlencode

import click

from client import EXIT_INTEGRITY, Door, door, receipt_line, table


@click.group("people")
def people_group() -> None:
    """Who works in a department."""


@people_group.command("list")
@click.argument("department")
@click.option("--q", default="", help="Beginning of a name or login.")
@door("department-administrator")
def people_list(door: Door, department: str, q: str) -> None:
    """The people of a department and those below it."""
    answer = door.ask("GET", f"/api/v1/departments/{department}/people?{urlencode({'q': q})}")
    door.tell(answer, table(answer["items"], ("login", "name", "department", "id")))


@click.group("role")
def role_group() -> None:
    """Give and take role assignments."""


@role_group.command("assign")
@click.argument("department")
@click.argument("login")
@click.argument("role")
@click.option("--clearance", type=click.IntRange(1, 5), default=2, show_default=True)
@click.option("--until", required=True, help="RFC 3339, for example 2027-01-31T23:59:59+08:00.")
@click.option("--reason", required=True)
@door("department-administrator")
def role_assign(door: Door, department: str, login: str, role: str, **given: Any) -> None:
    """Give ROLE to LOGIN in DEPARTMENT; ends when every gateway decides by it."""
    body = {"role": role, "clearance": given["clearance"], "expires_at": given["until"], "reason": given["reason"]}
    path = f"/api/v1/departments/{department}/people/{door.person(department, login)}/assignments"
    answer = door.ask("POST", path, body)
    door.tell(answer, f"given: {answer['id']}, {receipt_line(answer['receipt'])}")


@role_group.command("list")
@click.argument("department")
@click.argument("login")
@door("department-administrator")
def role_list(door: Door, department: str, login: str) -> None:
    """What LOGIN holds in DEPARTMENT and below."""
    answer = door.ask("GET", f"/api/v1/departments/{department}/people/{door.person(department, login)}/assignments")
    door.tell(answer, table(answer["items"], ("id", "role", "department", "clearance", "expires_at", "given_by")))


@role_group.command("revoke")
@click.argument("department")
@click.argument("login")
@click.argument("assignment")
@door("department-administrator")
def role_revoke(door: Door, department: str, login: str, assignment: str) -> None:
    """Take an assignment back; ends when no gateway decides by it any more."""
    path = f"/api/v1/departments/{department}/people/{door.person(department, login)}/assignments/{assignment}"
    answer = door.ask("DELETE", path)
    door.tell(answer, f"taken back: {assignment}, {receipt_line(answer['receipt'])}")


@click.group("session")
def session_group() -> None:
    """One's own sessions."""


@session_group.command("end-all")
@door("citizen")
def session_end_all(door: Door) -> None:
    """Sign out everywhere."""
    answer = door.ask("DELETE", "/api/v1/sessions")
    door.tell(answer, f"{answer['ended']} sessions ended, {receipt_line(answer['receipt'])}")


@click.group("audit")
def audit_group() -> None:
    """Search the log and prove it intact."""


@audit_group.command("search")
@click.option("--who", default="", help="A name, a login or a subject id.")
@click.option("--object", "object_", default="")
@click.option("--result", default="")
@click.option("--since", default="", help="A day, 2026-12-31.")
@click.option("--until", default="")
@click.option("--request", "request_", default="", help="A request's number, as its pages show it.")
@door("audit-administrator")
def audit_search(door: Door, object_: str, request_: str, **asked: str) -> None:
    """Newest first; the search is itself recorded."""
    query = {name: text for name, text in {**asked, "object": object_, "request": request_}.items() if text}
    answer = door.ask("GET", f"/api/v1/audit/events?{urlencode(query)}")
    door.tell(answer, table(answer["items"], ("leaf", "at", "result", "action", "subject", "object")))


@audit_group.command("reconcile")
@door("audit-administrator")
def audit_reconcile(door: Door) -> None:
    """Hold every row that grants or opens against its record; 6 when one does not agree."""
    answer = door.ask("GET", "/api/v1/audit/reconcile")
    told = f"{answer['rows']} rows, {answer['recent']} too recent to judge, {answer['found']} do not agree"
    columns = ("kind", "table", "id", "record", "leaf")
    door.tell(answer, "\n".join([told, *([table(answer["items"], columns)] if answer["items"] else [])]))
    if answer["found"]:
        raise SystemExit(EXIT_INTEGRITY)


@click.group("idp")
def idp_group() -> None:
    """The issuer as the city wants it: who may come back where, how sign-ins are proven, what is kept of them."""


@idp_group.command("diff")
@door("system-administrator")
def idp_diff(door: Door) -> None:
    """What is other at the issuer than it should be; a secret is named, never shown."""
    answer = door.ask("GET", "/api/v1/issuer/drift")
    door.tell(answer, table(answer["items"], ("what", "path", "found", "wanted")))


@idp_group.command("apply")
@door("system-administrator")
def idp_apply(door: Door) -> None:
    """Bring the issuer to what it should be; what was right already is not touched."""
    answer = door.ask("POST", "/api/v1/issuer/apply")
    door.tell(answer, table(answer["items"], ("what", "path", "found", "wanted")))
