"""Which routes a process serves by its role, and which the whole city has."""

from collections.abc import Mapping
from dataclasses import dataclass

from authz.label import Label
from city.settings import Settings
from console.routes import console_routes
from console.signin.routes import door_routes, entrance
from gateway.routes import Route, RouteTable, load_routes

ROLES = ("city", "gateway", "control")  # everything; the portals' door; the desks' door


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """`portals` are the entrances: one route for each portal's first page."""

    table: RouteTable  # of this process
    everywhere: tuple[Route, ...]  # of every process, whose public ones all know
    desks: tuple[Route, ...]
    portals: Mapping[str, Route]


def plan_routes(settings: Settings, role: str, *, labels: Mapping[str, Label]) -> Routing:
    """The routes of the console and of the portals' file; `labels` are the systems'. Raises InvalidRoute, OSError."""
    portals = load_routes(settings.routes, labels=labels) if settings.routes else []
    console = console_routes(f"console.{settings.domain}")
    desks = [entrance(settings.domain), *console]
    served = {"city": [*desks, *portals], "gateway": portals, "control": desks}[role]
    hosts = sorted({route.host for route in served} - {settings.domain})
    everywhere = sorted({route.host for route in (*desks, *portals)} - {settings.domain})
    return Routing(
        table=RouteTable([*served, *door_routes(hosts)]),
        everywhere=(*desks, *portals, *door_routes(everywhere)),
        desks=tuple(console),
        portals={route.system: route for route in portals if route.path == "/"},
    )
