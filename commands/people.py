"""Commands about people: who works where, what they may do, one's own sessions."""

from typing import Any

import click

from commands.client import Door, door, target
from commands.output import receipt_line, table


@click.group("people")
def people_group() -> None:
    """Who works in a department."""


@people_group.command("list")
@click.argument("department")
@click.option("--q", default="", help="Beginning of a name or login.")
@door("department-administrator")
def people_list(door: Door, department: str, q: str) -> None:
    """The people of a department and those below it."""
    answer = door.ask("GET", target("/api/v1/departments", department, "people", q=q))
    door.tell(answer, table(answer["items"], ("login", "name", "department", "id")))


@click.group("role")
def role_group() -> None:
    """Give and take role assignments."""


@role_group.command("assign")
@click.argument("department")
@click.argument("login")
@click.argument("role")
@click.option(
    "--clearance",
    type=click.IntRange(1, 5),
    help="The highest label it reaches. Without it, what the role's desks need: 3 for an office, else 2.",
)
@click.option("--until", required=True, help="RFC 3339, for example 2027-01-31T23:59:59+08:00.")
@click.option("--reason", required=True)
@door("department-administrator")
def role_assign(door: Door, department: str, login: str, role: str, **given: Any) -> None:
    """Give ROLE to LOGIN in DEPARTMENT; ends when every gateway decides by it."""
    body = {"role": role, "expires_at": given["until"], "reason": given["reason"]}
    body |= {"clearance": given["clearance"]} if given["clearance"] else {}
    answer = door.ask("POST", _assignments(door, department, login), body)
    door.tell(answer, f"given: {answer['id']}, {receipt_line(answer['receipt'])}")


@role_group.command("list")
@click.argument("department")
@click.argument("login")
@door("department-administrator")
def role_list(door: Door, department: str, login: str) -> None:
    """What LOGIN holds in DEPARTMENT and below."""
    answer = door.ask("GET", _assignments(door, department, login))
    door.tell(answer, table(answer["items"], ("id", "role", "department", "clearance", "expires_at", "given_by")))


@role_group.command("revoke")
@click.argument("department")
@click.argument("login")
@click.argument("assignment")
@door("department-administrator")
def role_revoke(door: Door, department: str, login: str, assignment: str) -> None:
    """Take an assignment back; ends when no gateway decides by it any more."""
    answer = door.ask("DELETE", target(_assignments(door, department, login), assignment))
    door.tell(answer, f"taken back: {assignment}, {receipt_line(answer['receipt'])}")


def _assignments(door: Door, department: str, login: str) -> str:
    person = door.person(department, login)
    return target("/api/v1/departments", department, "people", person, "assignments")


@click.group("session")
def session_group() -> None:
    """One's own sessions."""


@session_group.command("end-all")
@door("citizen")
def session_end_all(door: Door) -> None:
    """Sign out everywhere."""
    answer = door.ask("DELETE", "/api/v1/sessions")
    door.tell(answer, f"{answer['ended']} sessions ended, {receipt_line(answer['receipt'])}")
