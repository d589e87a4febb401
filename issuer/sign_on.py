"""The browser's session at the issuer: one sign-in, many portals."""

import hashlib
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from issuer.accounts import Account, Accounts
from issuer.issuer_file import IssuerFile

COOKIE = "__Host-city-sign-on"
IDLE_LIFETIME, ABSOLUTE_LIFETIME = timedelta(hours=1), timedelta(hours=12)
_AMR = {2: ["pwd"], 3: ["pwd", "otp"]}  # RFC 8176 §2

SCHEMA = """
CREATE TABLE IF NOT EXISTS sign_on (
  sid TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, sub TEXT NOT NULL, assurance INTEGER NOT NULL,
  auth_time INTEGER NOT NULL, begun REAL NOT NULL, seen REAL NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOn:
    """A live session: who, how well proven, and when a password was last given."""

    sid: str
    account: Account
    assurance: int
    auth_time: datetime

    @property
    def amr(self) -> list[str]:
        return _AMR[self.assurance]


class SignOns:
    """Shared by threads. The cookie is a random id of which only the digest is stored, new with every factor given."""

    def __init__(self, file: IssuerFile, accounts: Accounts, clock: Callable[[], datetime]) -> None:
        self._file, self._accounts, self._clock = file, accounts, clock

    def find(self, cookie: str) -> SignOn | None:
        """The session of this cookie, if neither it nor its account is over; looking keeps it from idling."""
        now = self._clock()
        with self._file.transaction() as connection:
            self._forget_old(connection, now)
            update = "UPDATE sign_on SET seen = ? WHERE digest = ? RETURNING *"
            row = connection.execute(update, (now.timestamp(), _digest(cookie))).fetchone()
        return self._sign_on(row) if row else None

    def get(self, sid: str) -> SignOn | None:
        """The session of this `sid`, under the same conditions; does not keep it from idling."""
        with self._file.transaction() as connection:
            self._forget_old(connection, self._clock())
            row = connection.execute("SELECT * FROM sign_on WHERE sid = ?", (sid,)).fetchone()
        return self._sign_on(row) if row else None

    def password_given(self, account: Account, before: SignOn | None) -> str:
        """Begin a session, or begin `before` anew if it is the same person's, or end it. Returns the new cookie."""
        if before is not None and before.account.sub != account.sub:
            self.end(before.sid)
            before = None
        cookie, now = secrets.token_urlsafe(32), self._clock().timestamp()
        with self._file.transaction() as connection:
            if before is None:
                row = (secrets.token_urlsafe(16), _digest(cookie), account.sub, 2, int(now), now, now)
                connection.execute("INSERT INTO sign_on VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            else:
                update = (
                    "UPDATE sign_on SET digest = ?, assurance = 2, auth_time = ?, begun = ?, seen = ? WHERE sid = ?"
                )
                connection.execute(update, (_digest(cookie), int(now), now, now, before.sid))
        return cookie

    def code_given(self, before: SignOn) -> str:
        """Raise the session to assurance 3 and return its new cookie; `auth_time` stays that of the password."""
        cookie = secrets.token_urlsafe(32)
        with self._file.transaction() as connection:
            update = "UPDATE sign_on SET digest = ?, assurance = 3 WHERE sid = ?"
            connection.execute(update, (_digest(cookie), before.sid))
        return cookie

    def end(self, sid: str) -> None:
        """End the session; ending it again is no error."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM sign_on WHERE sid = ?", (sid,))

    def _sign_on(self, row: sqlite3.Row) -> SignOn | None:
        account = self._accounts.find(row["sub"])
        if account is None:
            return None
        auth_time = datetime.fromtimestamp(row["auth_time"], UTC)
        return SignOn(sid=row["sid"], account=account, assurance=row["assurance"], auth_time=auth_time)

    @staticmethod
    def _forget_old(connection: sqlite3.Connection, now: datetime) -> None:
        connection.execute(
            "DELETE FROM sign_on WHERE seen <= ? OR begun <= ?",
            ((now - IDLE_LIFETIME).timestamp(), (now - ABSOLUTE_LIFETIME).timestamp()),
        )


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
