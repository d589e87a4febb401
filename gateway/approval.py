"""Where a second person approves: beside each local route that asks for one, a route of its own.

`POST {path}/approve/{request}` has the same department and system as the path it belongs to, the same object, and the
same label, or a higher one where asking takes less than approving: whoever is permitted the approve action there is
permitted it on exactly what was asked for.
"""

from collections.abc import Iterable
from dataclasses import replace

from authz.label import Label
from gateway.routes import Route


def with_approving_routes(routes: Iterable[Route]) -> list[Route]:
    """The routes, and behind each one that needs approvals the route where they are given."""
    return [one for route in routes for one in (route, *([approving_route(route)] if route.approval else []))]


def approving_route(route: Route) -> Route:
    """Return the route where what `route` asks a second person for is approved or rejected."""
    (action,) = set(route.approval.values())
    path = approve_path(route.path, "{request}")
    label = max(route.label, route.approval_label)
    return replace(
        route, path=path, approves=route.path, about=route.about or route.path, actions={"POST": action},
        label=label, approval={}, approval_label=Label.L1, body_bytes=4096,
    )  # fmt: skip


def approve_path(path: str, request: str) -> str:
    """The path where the parked `request` for `path` is approved."""
    return f"{path}/approve/{request}"


def approved_path(path: str) -> str:
    """The path whose request is approved at `path`."""
    return path.rsplit("/", 2)[0]
