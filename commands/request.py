"""Requests that need a second person: what waits, approve, reject, send again."""

from typing import Any

import click

from commands.client import Door, door, target
from commands.output import EXIT_CONFLICT, EXIT_DENIED, fail, table


@click.group("request")
def request_group() -> None:
    """Acts that need two people."""


@request_group.command("list")
@click.option("--of", type=click.Choice(["waiting", "asked", "decided"]), default="waiting", show_default=True)
@click.option("--cursor", default="", help="Where the page before ended.")
@door("security-administrator")
def request_list(door: Door, of: str, cursor: str) -> None:
    """What waits for me, what I asked for, or what I decided."""
    answer = door.ask("GET", target("/api/v1/requests", of=of, cursor=cursor))
    door.tell(answer, table(answer["items"], ("id", "verdict", "action", "object", "subject", "until")))


@request_group.command("approve")
@click.argument("request")
@door("security-administrator")
def request_approve(door: Door, request: str) -> None:
    """Let its requester send it again; the door decides anew when he does."""
    answer = _decide(door, request, verdict="approve")
    door.tell(answer, f"approved: {answer['id']}, {answer['action']} by {answer['subject']}")


@request_group.command("reject")
@click.argument("request")
@click.option("--reason", required=True, help="Stands in the record; no personal data.")
@door("security-administrator")
def request_reject(door: Door, request: str, reason: str) -> None:
    """Say no; the requester sees why."""
    answer = _decide(door, request, verdict="reject", reason=reason)
    door.tell(answer, f"rejected: {answer['id']}, {answer['action']} by {answer['subject']}")


@request_group.command("resume")
@click.argument("request")
@door("security-administrator")
def request_resume(door: Door, request: str) -> None:
    """Send an own request again, the same bytes, once; prints what the act answers."""
    answer = door.ask("POST", target("/.citygate/resume", request))
    door.tell(answer, f"done: {request}")


def _decide(door: Door, request: str, **said: str) -> dict[str, Any]:
    """At the path of what is asked for, so that the door decides about exactly that."""
    found = door.ask("GET", target("/api/v1/requests", request))
    if not found["approve"]:  # one's own, or decided: the refusal is the door's to say where there is one
        why = found["verdict"] or "own request"
        fail(f"{why}: {request} is not yours to decide", EXIT_CONFLICT if found["verdict"] else EXIT_DENIED)
    return door.ask("POST", found["approve"], said)
