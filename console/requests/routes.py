"""The paths of the requests desk; where each request is approved stands beside its own path."""

from authz.label import Label
from console.shell.desk_route import DeskRoute
from gateway.routes import Route
from storage.actions import Action


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/requests", Label.L2, GET=Action.REQUEST_READ),
        route("/api/v1/requests", Label.L2, GET=Action.REQUEST_READ),
        route("/api/v1/requests/{request}", Label.L2, GET=Action.REQUEST_READ),
    ]
