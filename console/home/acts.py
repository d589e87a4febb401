"""Ending one's own sessions, for the page and the API alike."""

from collections.abc import Callable

from authz.lease import Receipt
from idp.directory import Directory
from idp.session import Sessions
from storage.act import Act


def end_session(sessions: Sessions, effective: Callable[[int], Receipt], act: Act, session: str) -> Receipt:
    """End one of the actor's sessions; return the receipt once no gateway lets it through any more.

    Raises SessionUnknown.
    """
    _, epoch = sessions.end(session, person_id=act.actor, act=act)
    return effective(epoch)


def sign_out_everywhere(
    sessions: Sessions, directory: Directory, effective: Callable[[int], Receipt], act: Act
) -> tuple[int, Receipt]:
    """End every session of the actor; return how many, and the receipt once no gateway lets one through any more."""
    ended, epoch = sessions.end_all(act.actor, directory, act=act)
    return len(ended), effective(epoch)
