"""Objects by the names they had before page and API of one act shared one: read as today's, and found by either.

Until then an object was the path that was asked for: `/console/api/v1/departments/civil/machines/01M` in the API,
`/console/departments/civil/machines/01M/stop` on the page. Records and parked requests of that time keep those names;
nothing in them is changed.
"""

from collections.abc import Iterable

from console.shell.desk_route import API
from gateway.errors import RouteUnknown
from gateway.routes import Route, RouteTable

_PREFIX = "/console"


class ObjectNames:
    """What the routes of the console, which all have an `about`, call an object, and called it before."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [route for route in routes if not route.approves]
        self._host = self._routes[0].host
        self._table = RouteTable(self._routes)

    def today(self, name: str) -> str:
        """The name of today for an object that may be called by an old one; any other name as it is."""
        path = name.removeprefix(_PREFIX)
        if not name.startswith(f"{_PREFIX}/"):
            return name
        try:
            route, segments = self._table.find(self._host, path)
        except RouteUnknown:
            return name
        return route.object_of(path, segments)

    def spellings(self, name: str) -> list[str]:
        """Every beginning by which records name this object and what is below it, the given one first.

        One that begins with another is left out: whoever searches by the other finds both.
        """
        today = self.today(name)
        found = [name, today]
        if today.startswith(f"{_PREFIX}/"):
            path = today.removeprefix(_PREFIX)
            if path.startswith(f"{API}/"):  # the beginning of old names, and itself none
                path = path.removeprefix(API)
            found += [f"{_PREFIX}{path}", f"{_PREFIX}{API}{path}", *self._older(path)]
        return [one for at, one in enumerate(found) if not any(one.startswith(other) for other in found[:at])]

    def _older(self, path: str) -> Iterable[str]:
        asked = path.split("/")
        for route in self._routes:
            about = route.about.split("/")
            if route.path.removeprefix(API) == route.about or len(about) != len(asked):
                continue
            values = dict(zip(about, asked, strict=True))
            if all(part.startswith("{") or part == value for part, value in values.items()):
                yield _PREFIX + "/".join(values.get(part, part) for part in route.path.split("/"))
