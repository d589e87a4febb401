"""`/api/v1/jobs`: what the clock-job runs."""

from collections.abc import Callable, Mapping
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from gateway.errors import RouteUnknown
from gateway.local import exchange


def jobs(run: Mapping[str, Callable[[str], int]]) -> Blueprint:
    """What the clock-job runs; each is told under which record."""
    routes = Blueprint("jobs", __name__, url_prefix="/api/v1/jobs")

    @routes.route("/<job>")
    class Job(MethodView):
        def post(self, job: str) -> dict[str, Any]:
            """Run one job now."""
            if job not in run:
                raise RouteUnknown
            return {"job": job, "done": run[job](exchange().recorded.inbound.id)}

    return routes
