"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from authz.park import Parking
from authz.policy import PolicySet
from authz.register import Register
from authz.second_person import SecondPerson
from console.requests import api
from console.requests.address_names import AddressNames, register_names
from console.requests.pages import RequestPages
from console.requests.request_list import RequestList
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.shell.names import NameOf
from console.shell.objects import ObjectNames
from gateway.routes import Route
from idp.directory import Directory


def open_desk(
    frame: Frame,
    *,
    parking: Parking,
    policies: Callable[[], PolicySet],
    directory: Directory,
    register: Register,
    routes: Sequence[Route],
    names: Mapping[str, NameOf],
    clock: Callable[[], datetime],
) -> Desk:
    """Requests that wait for a second person; `routes` are all of the console, `names` those of the other desks."""
    second_person = SecondPerson(parking)
    requests = RequestList(second_person, objects=ObjectNames(routes), policies=policies, clock=clock)
    pages = RequestPages(
        frame,
        second_person=second_person,
        requests=requests,
        directory=directory,
        routes=routes,
        places=AddressNames({**register_names(directory, register), **names}),
    )
    return Desk(pages=(pages.blueprint(),), api=(api.requests(requests),))
