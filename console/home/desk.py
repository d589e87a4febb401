"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable, Mapping

from authz.lease import Receipt
from authz.policy import PolicySet
from authz.register import Register
from console.home import api
from console.home.pages import HomePages
from console.shell.desk import Desk
from console.shell.frame import Frame
from gateway.routes import Route
from idp.directory import Directory
from idp.session import Sessions


def open_desk(
    frame: Frame,
    *,
    sessions: Sessions,
    directory: Directory,
    register: Register,
    policies: Callable[[], PolicySet],
    portals: Mapping[str, Route],
    effective: Callable[[int], Receipt],
) -> Desk:
    """A person's own page; `portals` are the entrances: one route for each portal's first page."""
    pages = HomePages(
        frame,
        sessions=sessions,
        directory=directory,
        register=register,
        policies=policies,
        portals=portals,
        effective=effective,
    )
    return Desk(pages=(pages.blueprint(),), api=(api.own_sessions(sessions, directory, effective),))
