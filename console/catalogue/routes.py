"""The paths of the catalogue desk."""

from authz.label import Label
from console.catalogue.app_acts import APP_CHANGES
from console.shell.desk_route import SECRET, DeskRoute
from gateway.routes import Route
from storage.actions import Action

_RESOURCES, _APPS = "/departments/{department}/resources", "/departments/{department}/apps"
_RESOURCE, _APP = f"{_RESOURCES}/{{resource}}", f"{_APPS}/{{app}}"
_RESOURCES_API, _APPS_API = f"/api/v1{_RESOURCES}", f"/api/v1{_APPS}"


def routes(route: DeskRoute) -> list[Route]:
    """Every path of this desk and its API."""
    return [
        route("/catalogue", Label.L2, GET=Action.READ),
        route("/catalogue/{resource}", Label.L2, GET=Action.READ),
        route(f"{_RESOURCES}/new", SECRET, about=_RESOURCES, GET=Action.RESOURCE_READ),
        route(_RESOURCES, SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES}/{{resource}}/versions", SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES}/{{resource}}/withdraw", SECRET, about=_RESOURCE, POST=Action.RESOURCE_WITHDRAW),
        route(f"{_RESOURCES}/{{resource}}/shares", Label.L2, POST=Action.SHARE_ASK, approval_label=SECRET),
        route(
            f"{_RESOURCES}/{{resource}}/shared/{{share}}/end",
            SECRET,
            about=f"{_RESOURCE}/shares/{{share}}",
            POST=Action.SHARE_END,
        ),
        route(_APPS, SECRET, GET=Action.APP_READ, POST=Action.APP_CREATE),
        route(f"{_APPS}/{{app}}/shares/{{share}}/end", SECRET, about=f"{_APP}/shares/{{share}}", POST=Action.SHARE_END),
        route("/api/v1/catalogue", Label.L2, GET=Action.READ),
        route("/api/v1/catalogue/{resource}", Label.L2, GET=Action.READ),
        route(_RESOURCES_API, SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES_API}/{{resource}}/versions", SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES_API}/{{resource}}", SECRET, DELETE=Action.RESOURCE_WITHDRAW),
        route(f"{_RESOURCES_API}/{{resource}}/shares", Label.L2, POST=Action.SHARE_ASK, approval_label=SECRET),
        route(f"{_RESOURCES_API}/{{resource}}/shares/{{share}}", SECRET, DELETE=Action.SHARE_END),
        route(_APPS_API, SECRET, GET=Action.APP_READ, POST=Action.APP_CREATE),
        route(f"{_APPS_API}/{{app}}/shares/{{share}}", SECRET, DELETE=Action.SHARE_END),
        *(
            route(f"{prefix}{_APP}{path}", SECRET, about=_APP, **{method: change.action})
            for change in APP_CHANGES.values()
            for prefix, path, method in (
                ("", f"/{change.verb}", "POST"),
                ("/api/v1", change.api_path, change.api_method),
            )
        ),
    ]
