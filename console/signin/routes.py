"""The paths of signing in and out: on every host, because cookies are per host, and the issuer's own."""

from collections.abc import Iterable

from authz.label import Label
from console.shell.desk_route import CITY, DeskRoute
from gateway.routes import Route
from storage.actions import Action

BACKCHANNEL_LOGOUT_PATH = "/.citygate/backchannel-logout"  # for the issuer alone, so on one host


def routes(route: DeskRoute) -> list[Route]:
    """What the console's host has beside the door's paths."""
    return [
        route(BACKCHANNEL_LOGOUT_PATH, Label.L1, public=True, POST=Action.SIGN_ON_END),
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
