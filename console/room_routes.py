"""The routes of the rooms' desks: machines and zones, the catalogue, grades; each room a function of its own."""

from collections.abc import Callable

from authz.label import Label
from gateway.routes import Route

Desk = Callable[..., Route]
SECRET = Label.L3  # a desk of administrators: a second factor, GB/T 22239-2019 8.1.4.1 d)
_PLACED = "/departments/{department}/zones/{zone}/systems/{system}/machines"
_FLOW = "/zones/{zone}/flows/{to}/{protocol}/{port}"
_PLACING = {"machine:request": "machine:approve"}
_FLOWING = {"flow:open": "flow:approve"}
_KEYS = "/api/v1/departments/{department}/keys"
_KEY_USES = ("encrypt", "decrypt", "rewrap", "sign", "verify")
_ROTATION = {"key:rotate": "key:approve"}
_GRADE = {"grade:propose": "grade:approve"}
_RESOURCES, _APPS = "/departments/{department}/resources", "/departments/{department}/apps"
_RESOURCES_API, _APPS_API = f"/api/v1{_RESOURCES}", f"/api/v1{_APPS}"
_BY_OWNER = {"approval": {"share:ask": "share:approve"}, "approval_label": SECRET}  # all staff may ask


def _infra(route: Desk) -> list[Route]:
    return [
        route("/zones", SECRET, GET="zone:read"),
        route(_FLOW, SECRET, approval=_FLOWING, POST="flow:open"),
        route(f"{_FLOW}/close", SECRET, POST="flow:close"),
        route("/api/v1/zones", SECRET, GET="zone:read"),
        route("/api/v1/zones/drift", SECRET, GET="zone:read"),
        route("/api/v1/zones/apply", SECRET, POST="zone:apply"),
        route("/api/v1/flows", SECRET, GET="zone:read"),
        route("/api/v1/zones/{zone}/flows/test", SECRET, GET="zone:read"),
        route(f"/api/v1{_FLOW}", SECRET, approval=_FLOWING, POST="flow:open", DELETE="flow:close"),
        route("/departments/{department}/machines", SECRET, GET="machine:read"),
        route("/departments/{department}/machines/new", SECRET, GET="machine:read"),
        route(_PLACED, SECRET, placed=True, approval=_PLACING, POST="machine:request"),
        *(
            route(f"{prefix}/departments/{{department}}/machines/{{machine}}/{verb}", SECRET, POST=f"machine:{verb}")
            for prefix, verbs in (("", ("start", "stop", "delete")), ("/api/v1", ("start", "stop")))
            for verb in verbs
        ),
        route("/api/v1/departments/{department}/machines", SECRET, GET="machine:read"),
        route("/api/v1/departments/{department}/machines/{machine}", SECRET, DELETE="machine:delete"),
        route(f"/api/v1{_PLACED}", SECRET, placed=True, approval=_PLACING, POST="machine:request"),
        route("/api/v1/departments/{department}/quota", SECRET, GET="machine:read", PUT="quota:set"),
        route("/api/v1/departments/{department}/usage", SECRET, GET="machine:read"),
    ]


def _catalogue(route: Desk) -> list[Route]:
    return [
        route("/catalogue", Label.L2, GET="read"),
        route("/catalogue/{resource}", Label.L2, GET="read"),
        route(f"{_RESOURCES}/new", SECRET, GET="resource:read"),
        route(_RESOURCES, SECRET, POST="resource:publish"),
        route(f"{_RESOURCES}/{{resource}}/versions", SECRET, POST="resource:publish"),
        route(f"{_RESOURCES}/{{resource}}/withdraw", SECRET, POST="resource:withdraw"),
        route(f"{_RESOURCES}/{{resource}}/shares", Label.L2, POST="share:ask", **_BY_OWNER),
        route(f"{_RESOURCES}/{{resource}}/shared/{{share}}/end", SECRET, POST="share:end"),
        route(_APPS, SECRET, GET="app:read", POST="app:create"),
        route(f"{_APPS}/{{app}}/end", SECRET, POST="app:end"),
        route(f"{_APPS}/{{app}}/shares/{{share}}/end", SECRET, POST="share:end"),
        route("/api/v1/catalogue", Label.L2, GET="read"),
        route("/api/v1/catalogue/{resource}", Label.L2, GET="read"),
        route(_RESOURCES_API, SECRET, POST="resource:publish"),
        route(f"{_RESOURCES_API}/{{resource}}/versions", SECRET, POST="resource:publish"),
        route(f"{_RESOURCES_API}/{{resource}}", SECRET, DELETE="resource:withdraw"),
        route(f"{_RESOURCES_API}/{{resource}}/shares", Label.L2, POST="share:ask", **_BY_OWNER),
        route(f"{_RESOURCES_API}/{{resource}}/shares/{{share}}", SECRET, DELETE="share:end"),
        route(_APPS_API, SECRET, GET="app:read", POST="app:create"),
        route(f"{_APPS_API}/{{app}}", SECRET, DELETE="app:end"),
        route(f"{_APPS_API}/{{app}}/shares/{{share}}", SECRET, DELETE="share:end"),
    ]


def _grading(route: Desk) -> list[Route]:
    return [
        route("/systems", SECRET, GET="grade:read"),
        route("/systems/{system}", SECRET, GET="grade:read"),
        route("/systems/{system}/grade", SECRET, approval=_GRADE, POST="grade:propose"),
        route("/systems/{system}/controls/{control}", SECRET, GET="grade:read"),
        route("/systems/{system}/controls/{control}/answer", SECRET, POST="assess:answer"),
        route("/systems/{system}/assessments", SECRET, POST="assess:run"),
        route("/systems/{system}/assessments/{assessment}", SECRET, GET="grade:read"),
        route("/systems/{system}/assessments/{assessment}/report.pdf", SECRET, GET="grade:read"),
        route("/api/v1/systems", SECRET, GET="grade:read"),
        route("/api/v1/systems/{system}/grade", SECRET, approval=_GRADE, POST="grade:propose"),
        route("/api/v1/systems/{system}/controls/{control}/answer", SECRET, POST="assess:answer"),
        route("/api/v1/systems/{system}/assessments", SECRET, GET="grade:read", POST="assess:run"),
        route("/api/v1/systems/{system}/assessments/{assessment}", SECRET, GET="grade:read"),
    ]


def _keys(route: Desk) -> list[Route]:
    return [
        route("/keys", SECRET, GET="key:read"),
        route("/departments/{department}/keys/{key}/rotate", SECRET, approval=_ROTATION, POST="key:rotate"),
        route(_KEYS, SECRET, GET="key:read", POST="key:create"),
        route(f"{_KEYS}/{{key}}", SECRET, GET="key:read"),
        route(f"{_KEYS}/{{key}}/rotate", SECRET, approval=_ROTATION, POST="key:rotate"),
        *(route(f"{_KEYS}/{{key}}/{use}", SECRET, POST=f"key:{use}") for use in _KEY_USES),
        route("/api/v1/departments/{department}/key-suite", SECRET, GET="key:read", PUT="key:suite"),
    ]


def _backups(route: Desk) -> list[Route]:
    return [
        route("/backups", SECRET, GET="backup:read"),
        route("/backups/run", SECRET, POST="backup:run"),
        route("/backups/drill", SECRET, POST="backup:drill"),
        route("/api/v1/backups", SECRET, GET="backup:read", POST="backup:run"),
        route("/api/v1/backups/{backup}", SECRET, GET="backup:read"),
        route("/api/v1/drills", SECRET, GET="backup:read", POST="backup:drill"),
        route("/api/v1/drills/{drill}", SECRET, GET="backup:read"),
    ]


ROOMS = (_infra, _catalogue, _grading, _keys, _backups)
