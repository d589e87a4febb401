"""The paths of the keys desk."""

from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action

_KEY = "/departments/{department}/keys/{key}"
_KEYS = "/api/v1/departments/{department}/keys"
_KEY_USES = (
    ("encrypt", Action.KEY_ENCRYPT),
    ("decrypt", Action.KEY_DECRYPT),
    ("rewrap", Action.KEY_REWRAP),
    ("sign", Action.KEY_SIGN),
    ("verify", Action.KEY_VERIFY),
)


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/keys", SECRET, GET=Action.KEY_READ),
        route("/departments/{department}/keys/{key}/rotate", SECRET, about=_KEY, POST=Action.KEY_ROTATE),
        route(_KEYS, SECRET, GET=Action.KEY_READ, POST=Action.KEY_CREATE),
        route(f"{_KEYS}/{{key}}", SECRET, GET=Action.KEY_READ),
        route(f"{_KEYS}/{{key}}/rotate", SECRET, about=_KEY, POST=Action.KEY_ROTATE),
        *(route(f"{_KEYS}/{{key}}/{use}", SECRET, about=_KEY, POST=action) for use, action in _KEY_USES),
        route("/api/v1/departments/{department}/key-suite", SECRET, GET=Action.KEY_READ, PUT=Action.KEY_SUITE),
    ]
