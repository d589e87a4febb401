"""The paths of the systems desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action

_CONTROL = "/systems/{system}/controls/{control}"
_ASSESSMENT = "/systems/{system}/assessments/{assessment}"


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/systems", SECRET, GET=Action.GRADE_READ),
        route("/systems/{system}", SECRET, GET=Action.GRADE_READ),
        route("/systems/{system}/grade", SECRET, POST=Action.GRADE_PROPOSE),
        route(_CONTROL, SECRET, GET=Action.GRADE_READ),
        route("/systems/{system}/controls/{control}/answer", SECRET, about=_CONTROL, POST=Action.ASSESS_ANSWER),
        route("/systems/{system}/assessments", SECRET, POST=Action.ASSESS_RUN),
        route(_ASSESSMENT, SECRET, GET=Action.GRADE_READ),
        route(
            "/systems/{system}/assessments/{assessment}/report.pdf", SECRET, about=_ASSESSMENT, GET=Action.GRADE_READ
        ),
        route("/api/v1/systems", SECRET, GET=Action.GRADE_READ),
        route("/api/v1/systems/{system}/grade", SECRET, POST=Action.GRADE_PROPOSE),
        route("/api/v1/systems/{system}/controls/{control}/answer", SECRET, about=_CONTROL, POST=Action.ASSESS_ANSWER),
        route("/api/v1/systems/{system}/assessments", SECRET, GET=Action.GRADE_READ, POST=Action.ASSESS_RUN),
        route("/api/v1/systems/{system}/assessments/{assessment}", SECRET, GET=Action.GRADE_READ),
    ]
