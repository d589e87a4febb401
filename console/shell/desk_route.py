"""How a desk names its paths: one route of the console, with what its actions say."""

from collections.abc import Callable

from authz.label import Label
from gateway.routes import Route
from storage.actions import Action

CITY = "city"  # the root department: it owns the door and the desks that belong to no other
SECRET = Label.L3  # a desk of administrators: a second factor, GB/T 22239-2019 8.1.4.1 d)
API = "/api/v1"
DeskRoute = Callable[..., Route]


def desk_route(
    host: str,
    path: str,
    label: Label,
    *,
    public: bool = False,
    approval_label: Label = Label.L1,
    placed: bool = False,
    about: str = "",
    **actions: Action,
) -> Route:
    """A route of the console; the department of the object stands in the path where it has one.

    What needs a second person says the action itself; `approval_label` is of the path where he approves.
    `about`: the object that page and API share, the path without the API's prefix if not given.
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
        approval={action: action.approval for action in actions.values() if action.approval},
        approval_label=approval_label,
        about=about or path.removeprefix(API),
        of_system="system" if placed else "",
        in_zone="zone" if placed else "",
    )
