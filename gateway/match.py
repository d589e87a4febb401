"""Inbound → Matched: the one route that serves it, and what it says about the object."""

from gateway.errors import MethodRefused
from gateway.routes import RouteTable, named
from gateway.stages import Inbound, Matched


def match(inbound: Inbound, table: RouteTable) -> Matched:
    """Find the route. Raises RouteUnknown for a host or path nobody registered, MethodRefused for the method."""
    route, segments = table.find(inbound.host, inbound.path)
    action = route.actions.get("GET" if inbound.method == "HEAD" else inbound.method)
    if action is None:
        raise MethodRefused(allowed=route.actions)
    own = route.department == "{department}"
    return Matched(
        inbound=inbound,
        route=route,
        department=named(route.path, segments, "department") if own else route.department,
        object=f"/{route.system}{inbound.path}",
        action=action,
        label=route.label_of(segments),
    )
