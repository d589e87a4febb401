"""The paths of a person's own page."""

from authz.label import Label
from console.shell.desk_route import DeskRoute
from gateway.routes import Route
from storage.actions import Action


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/", Label.L2, GET=Action.READ),
        route("/sessions/{session}/end", Label.L2, about="/sessions/{session}", POST=Action.SESSION_END),
        route("/sessions/end-all", Label.L2, about="/sessions", POST=Action.SESSION_END),
        route("/api/v1/sessions", Label.L2, GET=Action.READ, DELETE=Action.SESSION_END),
    ]
