"""Zones and the flows between them: list, test, open, close, and what is in force that should not be."""

import re

import click

from commands.checks import faults_of_flow, faults_of_terms, moment
from commands.client import Door, check, clock, door, target
from commands.output import EXIT_USAGE, fail, table

_TO = re.compile(r"(?P<to>[^:/]+):(?P<port>[0-9]{1,5})(/(?P<protocol>[a-z]+))?", re.ASCII)


@click.group("zone")
def zone_group() -> None:
    """Security zones, and what the data plane between them does."""


@zone_group.command("list")
@door("system-administrator")
def zone_list(door: Door) -> None:
    """Every zone with the highest label it may hold."""
    answer = door.ask("GET", "/api/v1/zones")
    door.tell(answer, table(answer["items"], ("id", "name_zh", "name_en", "ceiling", "prefix", "interface")))


@zone_group.command("test")
@click.argument("zone")
@click.argument("to")
@door("system-administrator")
def zone_test(door: Door, zone: str, to: str) -> None:
    """Does a connection from ZONE pass to TO, "extranet:443" or "extranet:53/udp"? The data plane's own answer."""
    answer = door.ask("GET", target("/api/v1/zones", zone, "flows", "test", **_end(to)))
    by = f"by flow {answer['flow']['id']} of {answer['flow']['owner']}" if answer["flow"] else "no flow allows it"
    said = f"{'passes' if answer['passes'] else 'does not pass'} ({answer['plane']}): {by}"
    door.tell(answer, said if answer["agrees"] else f"{said}; the data plane does not do what the flows say")


@zone_group.command("drift")
@door("system-administrator")
def zone_drift(door: Door) -> None:
    """What is in force and was never opened, or the other way round."""
    answer = door.ask("GET", "/api/v1/zones/drift")
    door.tell(answer, table(answer["items"], ("where", "found", "wanted")))


@zone_group.command("apply")
@door("system-administrator")
def zone_apply(door: Door) -> None:
    """Bring into force what the flows say; what was other stands in the record."""
    answer = door.ask("POST", "/api/v1/zones/apply")
    door.tell(answer, table(answer["items"], ("where", "found", "wanted")))


@click.group("flow")
def flow_group() -> None:
    """Open flows between zones; everything else is forbidden."""


@flow_group.command("list")
@click.option("--cursor", default="", help="Where the page before ended.")
@door("security-administrator")
def flow_list(door: Door, cursor: str) -> None:
    """Every flow that is open now."""
    answer = door.ask("GET", target("/api/v1/flows", cursor=cursor))
    columns = ("id", "from_zone", "to_zone", "protocol", "port", "owner", "expires_at", "opened_by", "approved_by")
    door.tell(answer, table(answer["items"], columns))


@flow_group.command("open")
@click.argument("zone")
@click.argument("to")
@click.option("--owner", required=True, help="The department that answers for it.")
@click.option("--until", required=True, help="RFC 3339, for example 2027-01-31T23:59:59+08:00.")
@click.option("--reason", required=True, help="Stands in the record; no personal data.")
@door("security-administrator")
def flow_open(door: Door, zone: str, to: str, **terms: str) -> None:
    """Ask to open ZONE to TO, "extranet:443"; a second security administrator approves."""
    end = _end(to)
    check(faults_of_flow(from_zone=zone, to_zone=end["to"], protocol=end["protocol"], port=end["port"]))
    check(faults_of_terms(reason=terms["reason"], until=moment(terms["until"]), now=clock()))
    body = {"owner": terms["owner"], "expires_at": terms["until"], "reason": terms["reason"]}
    answer = door.ask("POST", _path(zone, end), body)
    door.tell(answer, f"open: {answer['id']}")


@flow_group.command("close")
@click.argument("zone")
@click.argument("to")
@door("security-administrator")
def flow_close(door: Door, zone: str, to: str) -> None:
    """Close ZONE to TO, with whatever runs over it."""
    answer = door.ask("DELETE", _path(zone, _end(to)))
    door.tell(answer, f"closed: {answer['id']}")


def _end(to: str) -> dict[str, str]:
    found = _TO.fullmatch(to)
    if found is None:
        fail("say where to as ZONE:PORT, or ZONE:PORT/udp", EXIT_USAGE)
    return {"to": found["to"], "protocol": found["protocol"] or "tcp", "port": found["port"]}


def _path(zone: str, end: dict[str, str]) -> str:
    return target("/api/v1/zones", zone, "flows", end["to"], end["protocol"], end["port"])
