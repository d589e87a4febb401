"""The paths of the issuer's administration."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/api/v1/issuer/drift", SECRET, about="/issuer", GET=Action.ISSUER_READ),
        route("/api/v1/issuer/apply", SECRET, about="/issuer", POST=Action.ISSUER_APPLY),
    ]
