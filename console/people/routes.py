"""The paths of the people desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action

_PEOPLE = "/departments/{department}/people"
_ASSIGNMENTS = "/api/v1/departments/{department}/people/{person}/assignments"


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route(_PEOPLE, SECRET, GET=Action.PEOPLE_READ),
        route(f"{_PEOPLE}/{{person}}", SECRET, GET=Action.PEOPLE_READ),
        route(f"{_PEOPLE}/{{person}}/assignments", SECRET, POST=Action.ROLE_ASSIGN),
        route(f"{_PEOPLE}/{{person}}/assignments/{{assignment}}/revoke", SECRET, POST=Action.ROLE_REVOKE),
        route("/api/v1/departments/{department}/people", SECRET, GET=Action.PEOPLE_READ),
        route(_ASSIGNMENTS, SECRET, GET=Action.PEOPLE_READ, POST=Action.ROLE_ASSIGN),
        route(f"{_ASSIGNMENTS}/{{assignment}}", SECRET, DELETE=Action.ROLE_REVOKE),
    ]
