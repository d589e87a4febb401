"""The routes of the door's own pages: the desks on the console's host, and the door's paths on every host."""

from collections.abc import Iterable, Mapping
from functools import partial

from authz.label import Label
from console.room_routes import ROOMS, SECRET, Desk
from gateway.approval import with_twins
from gateway.routes import Route

CITY = "city"  # the root department: it owns the door and the desks that belong to no other
BACKCHANNEL_LOGOUT_PATH = "/.citygate/backchannel-logout"  # for the issuer alone, so on one host
_PEOPLE = "/departments/{department}/people"
_ASSIGNMENTS = "/api/v1/departments/{department}/people/{person}/assignments"


def console_routes(host: str) -> list[Route]:
    """Every desk and API resource, and where second persons approve; those of the rooms stand in `room_routes`."""
    desk = partial(_desk, host)
    return with_twins(route for room in (_spine, _requests, *ROOMS) for route in room(desk))


def _desk(
    host: str,
    path: str,
    label: Label,
    *,
    public: bool = False,
    approval: Mapping[str, str] | None = None,
    approval_label: Label = Label.L1,
    placed: bool = False,
    **actions: str,
) -> Route:
    """A route of the console; the department of the object stands in the path where it has one.

    `placed`: the path names the system whose object it is, and the zone it is placed in.
    """
    return Route(
        host=host,
        path=path,
        system="console",
        department="{department}" if "{department}" in path else CITY,
        actions=actions,
        label=label,
        delivery="local",
        public=public,
        approval=approval or {},
        approval_label=approval_label,
        of_system="system" if placed else "",
        in_zone="zone" if placed else "",
    )


def _spine(route: Desk) -> list[Route]:
    return [
        route("/", Label.L2, GET="read"),
        route("/sessions/{session}/end", Label.L2, POST="session:end"),
        route("/sessions/end-all", Label.L2, POST="session:end"),
        route(_PEOPLE, SECRET, GET="people:read"),
        route(f"{_PEOPLE}/{{person}}", SECRET, GET="people:read"),
        route(f"{_PEOPLE}/{{person}}/assignments", SECRET, POST="role:assign"),
        route(f"{_PEOPLE}/{{person}}/assignments/{{assignment}}/revoke", SECRET, POST="role:revoke"),
        route("/audit", SECRET, GET="audit:read"),
        route("/audit/events/{leaf}", SECRET, GET="audit:read"),
        route("/audit/reconcile", SECRET, GET="audit:read"),
        route("/api/v1/sessions", Label.L2, GET="read", DELETE="session:end"),
        route("/api/v1/departments/{department}/people", SECRET, GET="people:read"),
        route(_ASSIGNMENTS, SECRET, GET="people:read", POST="role:assign"),
        route(f"{_ASSIGNMENTS}/{{assignment}}", SECRET, DELETE="role:revoke"),
        route("/api/v1/audit/reconcile", SECRET, GET="audit:read"),
        route("/api/v1/audit/events", SECRET, GET="audit:read"),
        route("/api/v1/audit/events/{leaf}", SECRET, GET="audit:read"),
        route("/api/v1/issuer/drift", SECRET, GET="issuer:read"),
        route("/api/v1/issuer/apply", SECRET, POST="issuer:apply"),
        route("/api/v1/jobs/{job}", Label.L2, POST="job:run"),
        route(BACKCHANNEL_LOGOUT_PATH, Label.L1, public=True, POST="sign-on:end"),
        route("/api/v1/openapi.json", Label.L1, public=True, GET="read"),
    ]


def _requests(route: Desk) -> list[Route]:
    return [
        route("/requests", Label.L2, GET="request:read"),
        route("/api/v1/requests", Label.L2, GET="request:read"),
        route("/api/v1/requests/{request}", Label.L2, GET="request:read"),
    ]


def entrance(host: str) -> Route:
    """The city's bare address: it leads to the console."""
    return Route(
        host=host,
        path="/",
        system="door",
        department=CITY,
        actions={"GET": "read"},
        label=Label.L1,
        delivery="local",
        public=True,
    )


def door_routes(hosts: Iterable[str]) -> list[Route]:
    """Sign in, sign out, send a parked request again, stylesheet, keys: on each host, because cookies are per host."""
    paths = (
        ("/.citygate/login", {"GET": "session:begin"}),
        ("/.citygate/callback", {"GET": "session:begin"}),
        ("/.citygate/logout", {"GET": "read", "POST": "session:end"}),
        ("/.citygate/resume/{parked}", {"GET": "read", "POST": "request:resume"}),
        ("/.citygate/static/{file}", {"GET": "read"}),
        ("/.well-known/citygate/jwks.json", {"GET": "read"}),
    )
    return [
        Route(
            host=host,
            path=path,
            system="door",
            department=CITY,
            actions=actions,
            label=Label.L1,
            delivery="local",
            public=True,
            body_bytes=64 * 1024,
        )
        for host in hosts
        for path, actions in paths
    ]
