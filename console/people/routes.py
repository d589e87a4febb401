"""The paths of the people desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action

_PEOPLE = "/departments/{department}/people"
_ASSIGNMENTS = f"{_PEOPLE}/{{person}}/assignments"
_ASSIGNMENT = f"{_ASSIGNMENTS}/{{assignment}}"


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route(_PEOPLE, SECRET, GET=Action.PEOPLE_READ),
        route(f"{_PEOPLE}/{{person}}", SECRET, GET=Action.PEOPLE_READ),
        route(_ASSIGNMENTS, SECRET, POST=Action.ROLE_ASSIGN),
        route(f"{_ASSIGNMENT}/revoke", SECRET, about=_ASSIGNMENT, POST=Action.ROLE_REVOKE),
        route(f"/api/v1{_PEOPLE}", SECRET, GET=Action.PEOPLE_READ),
        route(f"/api/v1{_ASSIGNMENTS}", SECRET, GET=Action.PEOPLE_READ, POST=Action.ROLE_ASSIGN),
        route(f"/api/v1{_ASSIGNMENT}", SECRET, DELETE=Action.ROLE_REVOKE),
    ]
