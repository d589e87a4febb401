"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable

from authz.lease import Receipt
from authz.park import Parking
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.signin.pages import SignIn
from idp.directory import Directory
from idp.relying_party import RelyingParty
from idp.session import Sessions


def open_desk(
    frame: Frame,
    *,
    relying_party: RelyingParty,
    sessions: Sessions,
    directory: Directory,
    parking: Parking,
    effective: Callable[[int], Receipt],
    forget: Callable[[str], None],
    jwks: Callable[[], dict[str, list[dict[str, str]]]],
) -> Desk:
    """Signing in and out; `forget(cookie)` is told of a cookie that was replaced."""
    pages = SignIn(
        frame,
        relying_party=relying_party,
        sessions=sessions,
        directory=directory,
        parking=parking,
        effective=effective,
        forget=forget,
        jwks=jwks,
    )
    return Desk(pages=(pages.blueprint(),))
