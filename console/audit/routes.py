"""The paths of the audit desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/audit", SECRET, GET=Action.AUDIT_READ),
        route("/audit/events/{leaf}", SECRET, GET=Action.AUDIT_READ),
        route("/audit/reconcile", SECRET, GET=Action.AUDIT_READ),
        route("/api/v1/audit/reconcile", SECRET, GET=Action.AUDIT_READ),
        route("/api/v1/audit/events", SECRET, about="/audit", GET=Action.AUDIT_READ),
        route("/api/v1/audit/events/{leaf}", SECRET, GET=Action.AUDIT_READ),
    ]
