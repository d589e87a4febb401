"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable
from datetime import datetime

from authz.lease import Receipt
from console.keys import api
from console.keys.pages import KeyPages
from console.shell.desk import Desk
from console.shell.frame import Frame
from crypto.key_service import KeyService
from crypto.keyring import Keyring
from idp.directory import Directory


def open_desk(
    frame: Frame,
    *,
    keyring: Keyring,
    service: KeyService,
    directory: Directory,
    effective: Callable[[int], Receipt],
    clock: Callable[[], datetime],
) -> Desk:
    """Keys and what they are used for."""
    pages = KeyPages(frame, keyring=keyring, directory=directory, effective=effective, clock=clock)
    return Desk(
        pages=(pages.blueprint(),),
        api=(api.keys(keyring, service, effective), api.suite(keyring), api.uses(service)),
        names={"keys": lambda identifier, _lang: identifier},
    )
