"""The label that the door asks for where a path of a system is read. Whoever publishes the path needs it."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from authz.facts import Facts
from authz.label import Label
from gateway.errors import RouteUnknown
from gateway.routes import Route, RouteTable
from storage.actions import Action


def label_at_door(
    routes: Iterable[Route], facts: Callable[[], Facts], department: str, system: str, path: str
) -> Label | None:
    """The label of what an upstream serves for reading there; None where no route of this department does.

    What is public needs no share, so it is not served in this sense.
    """
    labels = []
    for route in routes:
        reads = route.delivery == "proxy" and not route.public and route.actions.get("GET") == Action.READ
        if reads and (route.system, route.department) == (system, department):
            with suppress(RouteUnknown):
                labels.append(route.label_of(RouteTable([route]).find(route.host, path)[1], facts().systems))
    return max(labels, default=None)
