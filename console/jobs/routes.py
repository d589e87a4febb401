"""The path of the clock-job's jobs."""

from authz.label import Label
from console.shell.desk_route import DeskRoute
from gateway.routes import Route
from storage.actions import Action


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/api/v1/jobs/{job}", Label.L2, POST=Action.JOB_RUN),
    ]
