"""The paths of the machines desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action

_MACHINES, _MACHINE = "/departments/{department}/machines", "/departments/{department}/machines/{machine}"
_PLACED = "/departments/{department}/zones/{zone}/systems/{system}/machines"
_CHANGES = (("start", Action.MACHINE_START), ("stop", Action.MACHINE_STOP), ("delete", Action.MACHINE_DELETE))


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route(_MACHINES, SECRET, GET=Action.MACHINE_READ),
        route(f"{_MACHINES}/new", SECRET, about=_MACHINES, GET=Action.MACHINE_READ),
        route(_PLACED, SECRET, placed=True, POST=Action.MACHINE_REQUEST),
        *(
            route(f"{prefix}{_MACHINE}/{verb}", SECRET, about=_MACHINE, POST=action)
            for prefix, verbs in (("", _CHANGES), ("/api/v1", _CHANGES[:2]))
            for verb, action in verbs
        ),
        route(f"/api/v1{_MACHINES}", SECRET, GET=Action.MACHINE_READ),
        route(f"/api/v1{_MACHINE}", SECRET, DELETE=Action.MACHINE_DELETE),
        route(f"/api/v1{_PLACED}", SECRET, placed=True, POST=Action.MACHINE_REQUEST),
        route("/api/v1/departments/{department}/quota", SECRET, GET=Action.MACHINE_READ, PUT=Action.QUOTA_SET),
        route("/api/v1/departments/{department}/usage", SECRET, GET=Action.MACHINE_READ),
    ]
