"""The routes of the rooms' desks: machines and zones, the catalogue, grades; each room a function of its own."""

from collections.abc import Callable

from authz.label import Label
from gateway.routes import Route
from storage.actions import Action

Desk = Callable[..., Route]
SECRET = Label.L3  # a desk of administrators: a second factor, GB/T 22239-2019 8.1.4.1 d)
_PLACED = "/departments/{department}/zones/{zone}/systems/{system}/machines"
_FLOW = "/zones/{zone}/flows/{to}/{protocol}/{port}"
_KEYS = "/api/v1/departments/{department}/keys"
_CHANGES = (("start", Action.MACHINE_START), ("stop", Action.MACHINE_STOP), ("delete", Action.MACHINE_DELETE))
_KEY_USES = (
    ("encrypt", Action.KEY_ENCRYPT),
    ("decrypt", Action.KEY_DECRYPT),
    ("rewrap", Action.KEY_REWRAP),
    ("sign", Action.KEY_SIGN),
    ("verify", Action.KEY_VERIFY),
)
_RESOURCES, _APPS = "/departments/{department}/resources", "/departments/{department}/apps"
_RESOURCES_API, _APPS_API = f"/api/v1{_RESOURCES}", f"/api/v1{_APPS}"


def _infra(route: Desk) -> list[Route]:
    return [
        route("/zones", SECRET, GET=Action.ZONE_READ),
        route(_FLOW, SECRET, POST=Action.FLOW_OPEN),
        route(f"{_FLOW}/close", SECRET, POST=Action.FLOW_CLOSE),
        route("/api/v1/zones", SECRET, GET=Action.ZONE_READ),
        route("/api/v1/zones/drift", SECRET, GET=Action.ZONE_READ),
        route("/api/v1/zones/apply", SECRET, POST=Action.ZONE_APPLY),
        route("/api/v1/flows", SECRET, GET=Action.ZONE_READ),
        route("/api/v1/zones/{zone}/flows/test", SECRET, GET=Action.ZONE_READ),
        route(f"/api/v1{_FLOW}", SECRET, POST=Action.FLOW_OPEN, DELETE=Action.FLOW_CLOSE),
        route("/departments/{department}/machines", SECRET, GET=Action.MACHINE_READ),
        route("/departments/{department}/machines/new", SECRET, GET=Action.MACHINE_READ),
        route(_PLACED, SECRET, placed=True, POST=Action.MACHINE_REQUEST),
        *(
            route(
                f"{prefix}/departments/{{department}}/machines/{{machine}}/{verb}",
                SECRET,
                POST=action,
            )
            for prefix, verbs in (("", _CHANGES), ("/api/v1", _CHANGES[:2]))
            for verb, action in verbs
        ),
        route("/api/v1/departments/{department}/machines", SECRET, GET=Action.MACHINE_READ),
        route("/api/v1/departments/{department}/machines/{machine}", SECRET, DELETE=Action.MACHINE_DELETE),
        route(f"/api/v1{_PLACED}", SECRET, placed=True, POST=Action.MACHINE_REQUEST),
        route("/api/v1/departments/{department}/quota", SECRET, GET=Action.MACHINE_READ, PUT=Action.QUOTA_SET),
        route("/api/v1/departments/{department}/usage", SECRET, GET=Action.MACHINE_READ),
    ]


def _catalogue(route: Desk) -> list[Route]:
    return [
        route("/catalogue", Label.L2, GET=Action.READ),
        route("/catalogue/{resource}", Label.L2, GET=Action.READ),
        route(f"{_RESOURCES}/new", SECRET, GET=Action.RESOURCE_READ),
        route(_RESOURCES, SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES}/{{resource}}/versions", SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES}/{{resource}}/withdraw", SECRET, POST=Action.RESOURCE_WITHDRAW),
        route(f"{_RESOURCES}/{{resource}}/shares", Label.L2, POST=Action.SHARE_ASK, approval_label=SECRET),
        route(f"{_RESOURCES}/{{resource}}/shared/{{share}}/end", SECRET, POST=Action.SHARE_END),
        route(_APPS, SECRET, GET=Action.APP_READ, POST=Action.APP_CREATE),
        route(f"{_APPS}/{{app}}/end", SECRET, POST=Action.APP_END),
        route(f"{_APPS}/{{app}}/shares/{{share}}/end", SECRET, POST=Action.SHARE_END),
        route("/api/v1/catalogue", Label.L2, GET=Action.READ),
        route("/api/v1/catalogue/{resource}", Label.L2, GET=Action.READ),
        route(_RESOURCES_API, SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES_API}/{{resource}}/versions", SECRET, POST=Action.RESOURCE_PUBLISH),
        route(f"{_RESOURCES_API}/{{resource}}", SECRET, DELETE=Action.RESOURCE_WITHDRAW),
        route(f"{_RESOURCES_API}/{{resource}}/shares", Label.L2, POST=Action.SHARE_ASK, approval_label=SECRET),
        route(f"{_RESOURCES_API}/{{resource}}/shares/{{share}}", SECRET, DELETE=Action.SHARE_END),
        route(_APPS_API, SECRET, GET=Action.APP_READ, POST=Action.APP_CREATE),
        route(f"{_APPS_API}/{{app}}", SECRET, DELETE=Action.APP_END),
        route(f"{_APPS_API}/{{app}}/shares/{{share}}", SECRET, DELETE=Action.SHARE_END),
    ]


def _grading(route: Desk) -> list[Route]:
    return [
        route("/systems", SECRET, GET=Action.GRADE_READ),
        route("/systems/{system}", SECRET, GET=Action.GRADE_READ),
        route("/systems/{system}/grade", SECRET, POST=Action.GRADE_PROPOSE),
        route("/systems/{system}/controls/{control}", SECRET, GET=Action.GRADE_READ),
        route("/systems/{system}/controls/{control}/answer", SECRET, POST=Action.ASSESS_ANSWER),
        route("/systems/{system}/assessments", SECRET, POST=Action.ASSESS_RUN),
        route("/systems/{system}/assessments/{assessment}", SECRET, GET=Action.GRADE_READ),
        route("/systems/{system}/assessments/{assessment}/report.pdf", SECRET, GET=Action.GRADE_READ),
        route("/api/v1/systems", SECRET, GET=Action.GRADE_READ),
        route("/api/v1/systems/{system}/grade", SECRET, POST=Action.GRADE_PROPOSE),
        route("/api/v1/systems/{system}/controls/{control}/answer", SECRET, POST=Action.ASSESS_ANSWER),
        route("/api/v1/systems/{system}/assessments", SECRET, GET=Action.GRADE_READ, POST=Action.ASSESS_RUN),
        route("/api/v1/systems/{system}/assessments/{assessment}", SECRET, GET=Action.GRADE_READ),
    ]


def _keys(route: Desk) -> list[Route]:
    return [
        route("/keys", SECRET, GET=Action.KEY_READ),
        route("/departments/{department}/keys/{key}/rotate", SECRET, POST=Action.KEY_ROTATE),
        route(_KEYS, SECRET, GET=Action.KEY_READ, POST=Action.KEY_CREATE),
        route(f"{_KEYS}/{{key}}", SECRET, GET=Action.KEY_READ),
        route(f"{_KEYS}/{{key}}/rotate", SECRET, POST=Action.KEY_ROTATE),
        *(route(f"{_KEYS}/{{key}}/{use}", SECRET, POST=action) for use, action in _KEY_USES),
        route("/api/v1/departments/{department}/key-suite", SECRET, GET=Action.KEY_READ, PUT=Action.KEY_SUITE),
    ]


def _backups(route: Desk) -> list[Route]:
    return [
        route("/backups", SECRET, GET=Action.BACKUP_READ),
        route("/backups/run", SECRET, POST=Action.BACKUP_RUN),
        route("/backups/drill", SECRET, POST=Action.BACKUP_DRILL),
        route("/api/v1/backups", SECRET, GET=Action.BACKUP_READ, POST=Action.BACKUP_RUN),
        route("/api/v1/backups/{backup}", SECRET, GET=Action.BACKUP_READ),
        route("/api/v1/drills", SECRET, GET=Action.BACKUP_READ, POST=Action.BACKUP_DRILL),
        route("/api/v1/drills/{drill}", SECRET, GET=Action.BACKUP_READ),
    ]


ROOMS = (_infra, _catalogue, _grading, _keys, _backups)
