"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable
from datetime import datetime

from authz.administer import Administration
from authz.lease import Receipt
from console.people import api
from console.people.pages import PeoplePages
from console.shell.desk import Desk
from console.shell.frame import Frame
from idp.directory import Directory


def open_desk(
    frame: Frame,
    *,
    directory: Directory,
    administration: Administration,
    effective: Callable[[int], Receipt],
    clock: Callable[[], datetime],
) -> Desk:
    """The people of a department tree, and their roles."""
    pages = PeoplePages(
        frame,
        directory=directory,
        administration=administration,
        effective=effective,
        clock=clock,
    )
    return Desk(
        pages=(pages.blueprint(),),
        api=(api.people(directory), api.assignments(directory, administration, effective, clock)),
    )
