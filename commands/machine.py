"""Machines and quotas of a department: ask, list, start, stop, delete, what is left and what it cost."""

from typing import Any

import click

from commands.checks import faults_of_machine
from commands.client import Door, check, door, target
from commands.output import table

_OF = "/api/v1/departments"
_HOURS = 3600


@click.group("machine")
def machine_group() -> None:
    """Machines of a department."""


@machine_group.command("request")
@click.argument("department")
@click.argument("system")
@click.argument("zone")
@click.argument("name")
@click.option("--cpu", type=int, required=True)
@click.option("--memory", "memory_gib", type=int, required=True, help="GiB.")
@click.option("--disk", "disk_gib", type=int, required=True, help="GiB.")
@click.option("--purpose", required=True, help="Stands in the record; no personal data.")
@door("department-administrator")
def machine_request(door: Door, department: str, system: str, zone: str, **body: Any) -> None:
    """Ask for a machine NAME for SYSTEM in ZONE; a system administrator approves."""
    check(faults_of_machine(name=body["name"], purpose=body["purpose"], size=body))
    path = target(_OF, department, "zones", zone, "systems", system, "machines")
    answer = door.ask("POST", path, body)
    door.tell(answer, f"{answer['state']}: {answer['id']} on {answer['host']}")


@machine_group.command("list")
@click.argument("department")
@click.option("--cursor", default="", help="Where the page before ended.")
@door("department-administrator")
def machine_list(door: Door, department: str, cursor: str) -> None:
    """The machines of a department and those below it."""
    answer = door.ask("GET", target(_OF, department, "machines", cursor=cursor))
    columns = ("id", "name", "system", "zone", "host", "cpu", "memory_gib", "disk_gib", "state")
    door.tell(answer, table(answer["items"], columns))


@machine_group.command("start")
@click.argument("department")
@click.argument("machine")
@door("department-administrator")
def machine_start(door: Door, department: str, machine: str) -> None:
    """Let it run."""
    _tell(door, door.ask("POST", target(_OF, department, "machines", machine, "start")))


@machine_group.command("stop")
@click.argument("department")
@click.argument("machine")
@door("department-administrator")
def machine_stop(door: Door, department: str, machine: str) -> None:
    """Stop it; its disk stays, and costs."""
    _tell(door, door.ask("POST", target(_OF, department, "machines", machine, "stop")))


@machine_group.command("delete")
@click.argument("department")
@click.argument("machine")
@door("department-administrator")
def machine_delete(door: Door, department: str, machine: str) -> None:
    """Destroy it with its disk."""
    _tell(door, door.ask("DELETE", target(_OF, department, "machines", machine)))


@machine_group.command("hours")
@click.argument("department")
@click.option("--month", default="", help="For example 2026-11; the current one if not given.")
@door("department-administrator")
def machine_hours(door: Door, department: str, month: str) -> None:
    """What the machines of a month cost, in hours; final once the month is over."""
    answer = door.ask("GET", target(_OF, department, "usage", month=month))
    rows = [*answer["items"], {"name": "total" if answer["closed"] else "total so far", **answer["total"]}]
    names = {name: name.replace("_seconds", "_hours") for name in answer["total"]}
    shown = [row | {said: f"{row[name] / _HOURS:.2f}" for name, said in names.items()} for row in rows]
    door.tell(answer, table(shown, ("name", "system", *names.values())))


@click.group("quota")
def quota_group() -> None:
    """What a department may have."""


@quota_group.command("show")
@click.argument("department")
@door("department-administrator")
def quota_show(door: Door, department: str) -> None:
    """Per resource: the quota, what is taken of it, what is left."""
    answer = door.ask("GET", target(_OF, department, "quota"))
    door.tell(answer, _quota(answer))


@quota_group.command("set")
@click.argument("department")
@click.option("--cpu", type=int, required=True)
@click.option("--memory", "memory_gib", type=int, required=True, help="GiB.")
@click.option("--disk", "disk_gib", type=int, required=True, help="GiB.")
@door("system-administrator")
def quota_set(door: Door, department: str, **body: int) -> None:
    """Give a department this quota, out of what the one above it has left."""
    answer = door.ask("PUT", target(_OF, department, "quota"), body)
    door.tell(answer, _quota(answer))


def _quota(answer: dict[str, Any]) -> str:
    rows = [{name: str(value) for name, value in row.items()} for row in answer["items"]]
    return table(rows, ("resource", "quota", "taken", "left"))


def _tell(door: Door, answer: dict[str, Any]) -> None:
    door.tell(answer, f"{answer['state']}: {answer['id']}")
