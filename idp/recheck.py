"""Whether the sign-in of a session still counts at its issuer, asked every five minutes with its refresh token.

This is the backstop: what changes at the issuer comes sooner, by its events and by back-channel logout.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto.aead import Sealer
from idp.errors import IssuerUnavailable, LoginRejected, SessionUnknown
from idp.relying_party import Completed
from idp.store import session
from storage.database import Database
from storage.ephemeral import Ephemeral

_ASKING_SECONDS = 30  # longer than the issuer may take; a process that dies while it asks is waited for no longer
_PATIENCE = timedelta(seconds=10)  # so long others go on with the last answer while one asks
_LOOK_SECONDS, _LOOKS = 0.05, 30  # later they wait for the new one: a page's parts are asked for together


class Recheck:
    """Asks for each session once, whoever of many requests and processes comes first. Called from threads."""

    def __init__(
        self,
        database: Database,
        ephemeral: Ephemeral,
        seal: Sealer,
        *,
        revalidate: Callable[[str], str],
        end: Callable[[Connection, list[str], str], int],
        clock: Callable[[], datetime],
        every: timedelta,
    ) -> None:
        self._database, self._ephemeral, self._seal = database, ephemeral, seal
        self._revalidate, self._end, self._clock, self._every = revalidate, end, clock, every

    def seal_token_of(self, login: Completed, identifier: str) -> bytes:
        """The login's refresh token as it is stored with session `identifier`; empty when there is none."""
        return self._sealed(login.refresh_token, identifier) if login.refresh_token else b""

    def is_due(self, checked_at: datetime) -> bool:
        """Whether the answer of `checked_at` has had its time."""
        return self._clock() - checked_at >= self._every

    def check(self, identifier: str, *, checked_at: datetime, record: str) -> None:
        """Ask the issuer if it is time. Raises SessionUnknown, having ended it, and IssuerUnavailable."""
        for _ in range(_LOOKS):
            if not self.is_due(checked_at):
                return
            if self._ephemeral.claim(_claim(identifier), seconds=_ASKING_SECONDS):
                self._ask_alone(identifier, record)
                return
            if self._clock() - checked_at <= self._every + _PATIENCE:
                return
            time.sleep(_LOOK_SECONDS)
            checked_at = self._token_row(identifier).checked_at
        raise IssuerUnavailable("the issuer is still being asked")

    def _ask_alone(self, identifier: str, record: str) -> None:
        try:
            row = self._token_row(identifier)
            if self.is_due(row.checked_at):  # nobody asked between our look and our claim
                self._ask(identifier, row, record)
        finally:
            self._ephemeral.remove(_claim(identifier))

    def _token_row(self, identifier: str) -> sa.Row[tuple[bytes, datetime]]:
        with self._database.transaction() as connection:
            row = connection.execute(_token_of(identifier)).one_or_none()
        if row is None:
            raise SessionUnknown
        return row

    def _ask(self, identifier: str, row: sa.Row[tuple[bytes, datetime]], record: str) -> None:
        token = self._seal.open(row.refresh_token, purpose=purpose_of(identifier)).decode()
        try:
            renewed = self._revalidate(token)
        except LoginRejected:
            if self._end_unless_renewed(identifier, row.refresh_token, record):
                raise SessionUnknown from None
            return
        values = {"checked_at": self._clock(), "refresh_token": self._sealed(renewed, identifier)}
        mine = (session.c.id == identifier) & (session.c.refresh_token == row.refresh_token)
        with self._database.transaction() as connection:
            connection.execute(sa.update(session).where(mine).values(values))

    def _end_unless_renewed(self, identifier: str, refused: bytes, record: str) -> bool:
        """A sign-in meanwhile brought another token: the refusal of the old one says nothing about it."""
        with self._database.transaction() as connection:
            row = connection.execute(_token_of(identifier).with_for_update()).one_or_none()
            if row is not None and row.refresh_token != refused:
                return False
            if row is not None:
                self._end(connection, [identifier], record)
            return True

    def _sealed(self, token: str, identifier: str) -> bytes:
        return self._seal.seal(token.encode(), purpose=purpose_of(identifier))


def _token_of(identifier: str) -> sa.Select[tuple[bytes, datetime]]:
    alive = (session.c.id == identifier) & session.c.ended_at.is_(None)
    return sa.select(session.c.refresh_token, session.c.checked_at).where(alive)


def _claim(identifier: str) -> str:
    return f"recheck:{identifier}"


def purpose_of(identifier: str) -> str:
    """For what the refresh token of a session is sealed."""
    return f"session refresh token {identifier}"
