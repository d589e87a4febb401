"""The paths of the backups desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/backups", SECRET, GET=Action.BACKUP_READ),
        route("/backups/run", SECRET, about="/backups", POST=Action.BACKUP_RUN),
        route("/backups/drill", SECRET, about="/drills", POST=Action.BACKUP_DRILL),
        route("/api/v1/backups", SECRET, GET=Action.BACKUP_READ, POST=Action.BACKUP_RUN),
        route("/api/v1/backups/{backup}", SECRET, GET=Action.BACKUP_READ),
        route("/api/v1/drills", SECRET, GET=Action.BACKUP_READ, POST=Action.BACKUP_DRILL),
        route("/api/v1/drills/{drill}", SECRET, GET=Action.BACKUP_READ),
    ]
