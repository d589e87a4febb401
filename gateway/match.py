"""Inbound → Matched: the one route that serves it, and what it says about the object."""

from gateway.errors import MethodRefused, RouteUnknown
from gateway.routes import RouteTable, named
from gateway.stages import Inbound, Listener, Matched


def match(inbound: Inbound, table: RouteTable) -> Matched:
    """Find the route. Raises RouteUnknown for a host or path nobody registered, MethodRefused for the method."""
    route, segments = table.find(inbound.host, inbound.path)
    if inbound.listener is Listener.GATE and not route.forward_auth:
        raise RouteUnknown  # an inline host is not the data plane's to deliver: its outcome would be nobody's
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
