"""Back up, list, and drill a restore, through the door; `restore` itself is the city's code."""

import time
from typing import Any

import click

from commands.client import Door, door
from commands.output import EXIT_FAILED, table

_LOOK_SECONDS = 0.5
_LIST = ("id", "status", "started_at", "records", "rows", "bytes", "failing")


@click.group("backup")
def backup_group() -> None:
    """Backups, and whether they come back."""


@backup_group.command("run")
@door("system-administrator")
def backup_run(door: Door) -> None:
    """Make a backup now; 1 if it did not become whole."""
    ended = _done(door, "backups")
    text = f"{ended['status']}: {ended['id']}, {ended['records']} records, {ended['rows']} rows, {ended['bytes']} bytes"
    _tell(door, ended, text, good="whole")


@backup_group.command("list")
@click.option("--drills", is_flag=True, help="The drills instead.")
@door("system-administrator")
def backup_list(door: Door, *, drills: bool) -> None:
    """The newest first. That a backup is whole does not prove that it comes back."""
    answer = door.ask("GET", "/api/v1/drills" if drills else "/api/v1/backups")
    door.tell(answer, f"last verified restore: {answer['restore']}\n" + table(answer["items"], _LIST))


@backup_group.command("drill")
@door("system-administrator")
def backup_drill(door: Door) -> None:
    """Restore the newest backup into a throw-away place and check it against what is kept outside; 1 if it fails."""
    ended = _done(door, "drills")
    measured = f"RPO {ended['rpo_seconds']} s, RTO {ended['rto_seconds']} s"
    seen = f"backup {ended['backup'] or '-'}, {ended['records']} records, {ended['rows']} rows"
    _tell(door, ended, f"{ended['status']}: {seen}, {measured}", good="passed")


def _done(door: Door, resource: str) -> dict[str, Any]:
    """Begin one and look until it has ended, each step on stderr."""
    entry, step = door.ask("POST", f"/api/v1/{resource}"), ""
    while entry["status"] == "running":
        time.sleep(_LOOK_SECONDS)
        entry = door.ask("GET", f"/api/v1/{resource}/{entry['id']}")
        if entry["step"] != step:
            step = entry["step"]
            click.echo(f"  {step} …" if step else "  done", err=True)
    return entry


def _tell(door: Door, ended: dict[str, Any], text: str, *, good: str) -> None:
    failed = ended["status"] != good
    door.tell(ended, f"{text}\n  {ended['failing']}: {ended['why']}" if failed else text)
    if failed:
        raise SystemExit(EXIT_FAILED)
