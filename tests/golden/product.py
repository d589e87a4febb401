"""The one file here that knows where the product keeps its routes, its decision and its views."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from authz.decide import decide
from authz.label import Label
from authz.offices import NAMES
from authz.policy import Assignment, PolicySet
from authz.request import ANONYMOUS, AccessRequest, Decision
from city.clock import clock
from city.identifiers import mint
from gateway.authorize import access_request
from gateway.canonical import canonical
from gateway.match import match
from gateway.routes import Route, RouteTable
from gateway.stages import Authenticated, Raw
from idp.identity import NOBODY, Identity
from tests.founded_city import CONSOLE, PORT, CityDoor

__all__ = ["ANONYMOUS", "NAMES", "Law", "Route", "routes", "views"]
_CLEARANCE, _ASSURANCE = Label.L3, 3  # as the founding gives them to every office, and as one signs in with a code


def routes(door: CityDoor) -> list[Route]:
    """Every route of every host."""
    return list(door.city.routing.table.routes)


def views(door: CityDoor) -> set[tuple[str, str]]:
    """(method, path) of every Flask view, its variables in braces."""
    application: Any = door.gate.deliveries.local._application.app  # type: ignore[attr-defined]
    rules = application.url_map.iter_rules()
    return {
        (method, re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule))
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


@dataclass(frozen=True)
class Law:
    """What the founded city decides by, and its route table."""

    policies: PolicySet
    table: RouteTable

    @classmethod
    def of(cls, door: CityDoor) -> "Law":
        return cls(door.city.deciding.policies(), door.gate.routes)

    def holding(self, subject: str, *roles: str, department: str) -> "Law":
        """The same, and `subject` holds exactly these roles there."""
        held = [
            Assignment(id=f"{subject}-{role}", subject=subject, role=role, department=department, clearance=_CLEARANCE)
            for role in roles
        ]
        return replace(self, policies=self.policies.with_subject(subject, held, version=1))

    def decide(self, method: str, target: str, subject: str, *, host: str = CONSOLE, approver: str = "") -> Decision:
        """What is decided of one request, as the door asks it."""
        return decide(self.policies, self._question(method, target, subject, host, approver))

    def _question(self, method: str, target: str, subject: str, host: str, approver: str) -> AccessRequest:
        lines = ((b"host", f"{host}:{PORT}".encode()), (b"content-length", b"0"))
        raw = Raw(method=method.encode(), target=target.encode(), headers=lines, peer="192.0.2.7", body=_no_body)
        inbound = canonical(replace(raw, approver=approver), now=clock(), mint=mint)
        matched = match(inbound, self.table, self.policies.facts)
        identity = NOBODY if subject == ANONYMOUS else Identity(subject=subject, assurance=_ASSURANCE)
        return access_request(Authenticated(matched=matched, identity=identity))


def hosts_of_kind(door: CityDoor) -> Iterator[tuple[str, Route]]:
    """Each route with the kind of its host: `console`, `entrance` or `portal`."""
    for route in routes(door):
        bare = CONSOLE.partition(".")[2]
        yield {CONSOLE: "console", bare: "entrance"}.get(route.host, "portal"), route


async def _no_body() -> AsyncIterator[bytes]:
    yield b""
