"""Inbound → Matched: the one route that serves it, and what it and the register say about the object."""

from authz.facts import Facts
from authz.label import Label
from gateway.errors import InlineOnly, MethodRefused, RouteUnknown
from gateway.routes import Route, RouteTable, segment_named
from gateway.stages import Inbound, Listener, Matched
from storage.actions import Action


def match(inbound: Inbound, table: RouteTable, facts: Facts) -> Matched:
    """Find the route.

    Raises RouteUnknown for a host or path nobody registered, MethodRefused for the method, InlineOnly for a write by
    forward-auth whose system was graded too high for that since.
    """
    route, segments = table.find(inbound.host, inbound.path)
    if inbound.listener is Listener.GATE and not route.forward_auth:
        raise RouteUnknown  # an inline host is not the data plane's to deliver: its outcome would be nobody's
    action = route.actions.get("GET" if inbound.method == "HEAD" else inbound.method)
    if action is None:
        raise MethodRefused(allowed=route.actions)
    return _matched(inbound, route, segments, action, facts)


def relabel(matched: Matched, facts: Facts) -> Matched:
    """Return `matched` with the label of `facts`: its system may be graded during a look-up. Raises InlineOnly."""
    if not matched.route.registered or matched.route.label_of(matched.segments, facts.systems) == matched.label:
        return matched
    return _matched(matched.inbound, matched.route, matched.segments, matched.action, facts)


def _matched(inbound: Inbound, route: Route, segments: tuple[str, ...], action: str, facts: Facts) -> Matched:
    label = route.label_of(segments, facts.systems)
    if inbound.listener is Listener.GATE and label >= Label.L3 and action != Action.READ:
        raise InlineOnly
    own = route.department == "{department}"
    return Matched(
        inbound=inbound,
        route=route,
        segments=segments,
        department=segment_named(route.path, segments, "department") if own else route.department,
        object=route.object_of(inbound.path, segments),
        action=action,
        label=label,
        system=segment_named(route.path, segments, route.of_system) if route.of_system else "",
        zone=segment_named(route.path, segments, route.in_zone) if route.in_zone else "",
    )
