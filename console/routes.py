"""The routes of the door's own pages: the desks on the console's host, and the door's paths on every host."""

from collections.abc import Iterable

from authz.label import Label
from gateway.routes import Route

CITY = "city"  # the root department: it owns the door and the desks that belong to no other
_SECRET = Label.L3  # a desk of administrators: a second factor, GB/T 22239-2019 8.1.4.1 d)
BACKCHANNEL_LOGOUT_PATH = "/.citygate/backchannel-logout"  # for the issuer alone, so on one host
_PEOPLE = "/departments/{department}/people"
_ASSIGNMENTS = "/api/v1/departments/{department}/people/{person}/assignments"


def console_routes(host: str) -> list[Route]:
    """Every desk and API resource; the department of the object stands in the path where it has one."""

    def route(path: str, label: Label, *, public: bool = False, **actions: str) -> Route:
        department = "{department}" if "{department}" in path else CITY
        return Route(
            host=host,
            path=path,
            system="console",
            department=department,
            actions=actions,
            label=label,
            delivery="local",
            public=public,
        )

    return [
        route("/", Label.L2, GET="read"),
        route("/sessions/{session}/end", Label.L2, POST="session:end"),
        route("/sessions/end-all", Label.L2, POST="session:end"),
        route(_PEOPLE, _SECRET, GET="people:read"),
        route(f"{_PEOPLE}/{{person}}", _SECRET, GET="people:read"),
        route(f"{_PEOPLE}/{{person}}/assignments", _SECRET, POST="role:assign"),
        route(f"{_PEOPLE}/{{person}}/assignments/{{assignment}}/revoke", _SECRET, POST="role:revoke"),
        route("/audit", _SECRET, GET="audit:read"),
        route("/audit/events/{leaf}", _SECRET, GET="audit:read"),
        route("/api/v1/sessions", Label.L2, GET="read", DELETE="session:end"),
        route("/api/v1/departments/{department}/people", _SECRET, GET="people:read"),
        route(_ASSIGNMENTS, _SECRET, GET="people:read", POST="role:assign"),
        route(f"{_ASSIGNMENTS}/{{assignment}}", _SECRET, DELETE="role:revoke"),
        route("/api/v1/audit/events", _SECRET, GET="audit:read"),
        route("/api/v1/audit/events/{leaf}", _SECRET, GET="audit:read"),
        route("/api/v1/issuer/drift", _SECRET, GET="issuer:read"),
        route("/api/v1/issuer/apply", _SECRET, POST="issuer:apply"),
        route("/api/v1/jobs/{job}", Label.L2, POST="job:run"),
        route(BACKCHANNEL_LOGOUT_PATH, Label.L1, public=True, POST="sign-on:end"),
        route("/api/v1/openapi.json", Label.L1, public=True, GET="read"),
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
