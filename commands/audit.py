"""Commands of the log: search it and hold rows against it through the door; to verify its files is the city's code."""

import click

from commands.client import Door, door, target
from commands.lazy import LazyGroup
from commands.output import EXIT_INTEGRITY, table


@click.group("audit", cls=LazyGroup, lazy={"verify": "city.offline:audit_verify"})
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
    answer = door.ask("GET", target("/api/v1/audit/events", **query))
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
