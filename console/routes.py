"""The routes of the door's own pages: the desks on the console's host, and the door's paths on every host."""

from collections.abc import Iterable
from functools import partial

from authz.label import Label
from console.room_routes import ROOMS, SECRET, Desk
from gateway.approval import with_twins
from gateway.routes import Route
from storage.actions import Action

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
    approval_label: Label = Label.L1,
    placed: bool = False,
    **actions: Action,
) -> Route:
    """A route of the console; the department of the object stands in the path where it has one.

    What needs a second person says the action itself; `approval_label` is of the path where he approves.
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
        approval={one: one.approval for one in actions.values() if one.approval},
        approval_label=approval_label,
        of_system="system" if placed else "",
        in_zone="zone" if placed else "",
    )


def _spine(route: Desk) -> list[Route]:
    return [
        route("/", Label.L2, GET=Action.READ),
        route("/sessions/{session}/end", Label.L2, POST=Action.SESSION_END),
        route("/sessions/end-all", Label.L2, POST=Action.SESSION_END),
        route(_PEOPLE, SECRET, GET=Action.PEOPLE_READ),
        route(f"{_PEOPLE}/{{person}}", SECRET, GET=Action.PEOPLE_READ),
        route(f"{_PEOPLE}/{{person}}/assignments", SECRET, POST=Action.ROLE_ASSIGN),
        route(f"{_PEOPLE}/{{person}}/assignments/{{assignment}}/revoke", SECRET, POST=Action.ROLE_REVOKE),
        route("/audit", SECRET, GET=Action.AUDIT_READ),
        route("/audit/events/{leaf}", SECRET, GET=Action.AUDIT_READ),
        route("/audit/reconcile", SECRET, GET=Action.AUDIT_READ),
        route("/api/v1/sessions", Label.L2, GET=Action.READ, DELETE=Action.SESSION_END),
        route("/api/v1/departments/{department}/people", SECRET, GET=Action.PEOPLE_READ),
        route(_ASSIGNMENTS, SECRET, GET=Action.PEOPLE_READ, POST=Action.ROLE_ASSIGN),
        route(f"{_ASSIGNMENTS}/{{assignment}}", SECRET, DELETE=Action.ROLE_REVOKE),
        route("/api/v1/audit/reconcile", SECRET, GET=Action.AUDIT_READ),
        route("/api/v1/audit/events", SECRET, GET=Action.AUDIT_READ),
        route("/api/v1/audit/events/{leaf}", SECRET, GET=Action.AUDIT_READ),
        route("/api/v1/issuer/drift", SECRET, GET=Action.ISSUER_READ),
        route("/api/v1/issuer/apply", SECRET, POST=Action.ISSUER_APPLY),
        route("/api/v1/jobs/{job}", Label.L2, POST=Action.JOB_RUN),
        route(BACKCHANNEL_LOGOUT_PATH, Label.L1, public=True, POST=Action.SIGN_ON_END),
        route("/api/v1/openapi.json", Label.L1, public=True, GET=Action.READ),
    ]


def _requests(route: Desk) -> list[Route]:
    return [
        route("/requests", Label.L2, GET=Action.REQUEST_READ),
        route("/api/v1/requests", Label.L2, GET=Action.REQUEST_READ),
        route("/api/v1/requests/{request}", Label.L2, GET=Action.REQUEST_READ),
    ]


def entrance(host: str) -> Route:
    """The city's bare address: it leads to the console."""
    return Route(
        host=host,
        path="/",
        system="door",
        department=CITY,
        actions={"GET": Action.READ},
        label=Label.L1,
        delivery="local",
        public=True,
    )


def door_routes(hosts: Iterable[str]) -> list[Route]:
    """Sign in, sign out, send a parked request again, stylesheet, keys: on each host, because cookies are per host."""
    paths = (
        ("/.citygate/login", {"GET": Action.SESSION_BEGIN}),
        ("/.citygate/callback", {"GET": Action.SESSION_BEGIN}),
        ("/.citygate/logout", {"GET": Action.READ, "POST": Action.SESSION_END}),
        ("/.citygate/resume/{parked}", {"GET": Action.READ, "POST": Action.REQUEST_RESUME}),
        ("/.citygate/static/{file}", {"GET": Action.READ}),
        ("/.well-known/citygate/jwks.json", {"GET": Action.READ}),
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
