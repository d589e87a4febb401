"""The paths of the zones desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action

_FLOW = "/zones/{zone}/flows/{to}/{protocol}/{port}"


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/zones", SECRET, GET=Action.ZONE_READ),
        route(_FLOW, SECRET, POST=Action.FLOW_OPEN),
        route(f"{_FLOW}/close", SECRET, about=_FLOW, POST=Action.FLOW_CLOSE),
        route("/api/v1/zones", SECRET, GET=Action.ZONE_READ),
        route("/api/v1/zones/drift", SECRET, about="/zones", GET=Action.ZONE_READ),
        route("/api/v1/zones/apply", SECRET, about="/zones", POST=Action.ZONE_APPLY),
        route("/api/v1/flows", SECRET, about="/zones", GET=Action.ZONE_READ),
        route("/api/v1/zones/{zone}/flows/test", SECRET, GET=Action.ZONE_READ),
        route(f"/api/v1{_FLOW}", SECRET, POST=Action.FLOW_OPEN, DELETE=Action.FLOW_CLOSE),
    ]
