"""`/api/v1/jobs`: what the clock-job runs."""

from collections.abc import Callable, Mapping
from typing import Any

from flask.views import MethodView

from console.shell.act import current_act
from console.shell.views import ApiViews
from gateway.errors import RouteUnknown
from storage.act import Act


def jobs(run: Mapping[str, Callable[[Act], int]]) -> ApiViews:
    """What the clock-job runs: each job takes the act that asks for it, and returns how much it did."""
    routes = ApiViews("jobs", __name__, url_prefix="/api/v1/jobs")

    @routes.route("/{job}")
    class Job(MethodView):
        def post(self, job: str) -> dict[str, Any]:
            """Run one job now."""
            if job not in run:
                raise RouteUnknown
            return {"job": job, "done": run[job](current_act())}

    return routes
