"""Authorization codes: one minute, one use, bound to client, redirect URI, PKCE challenge and session."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from issuer.issuer_file import IssuerFile

LIFETIME = timedelta(seconds=60)
REMEMBERED = timedelta(minutes=10)  # how long a second use is still told from an unknown code

SCHEMA = """
CREATE TABLE IF NOT EXISTS code (
  digest BLOB PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL,
  nonce TEXT NOT NULL, code_challenge TEXT NOT NULL, sid TEXT NOT NULL,
  issued REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """What a code stands for; the getters are Authlib's."""

    client_id: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    sid: str
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> None:
        """The session says it."""

    def get_acr(self) -> None:
        """The session says it."""

    def get_amr(self) -> None:
        """The session says it."""


class Codes:
    """Shared by threads; `reused` is told the session of a code that comes a second time."""

    def __init__(self, file: IssuerFile, clock: Callable[[], datetime], *, reused: Callable[[str], None]) -> None:
        self._file, self._clock, self._reused = file, clock, reused

    def save(self, code: str, meaning: AuthorizationCode) -> None:
        """Remember an issued code by its digest."""
        now = self._clock()
        row = (
            _digest(code),
            meaning.client_id,
            meaning.redirect_uri,
            meaning.scope,
            meaning.nonce,
            meaning.code_challenge,
            meaning.sid,
            now.timestamp(),
        )
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM code WHERE issued <= ?", ((now - REMEMBERED).timestamp(),))
            connection.execute("INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)", row)

    def use(self, code: str, client_id: str) -> AuthorizationCode | None:
        """What `code` stands for, the first time its own client brings it within its minute; afterwards it is spent.

        A second use ends the session it was issued in (RFC 6749 §4.1.2): one of the two users is a thief.
        """
        with self._file.transaction() as connection:
            query = "SELECT * FROM code WHERE digest = ? AND client_id = ?"
            row = connection.execute(query, (_digest(code), client_id)).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE code SET used = 1 WHERE digest = ?", (_digest(code),))
        if row["used"]:
            self._reused(row["sid"])
            return None
        if self._clock().timestamp() >= row["issued"] + LIFETIME.total_seconds():
            return None
        columns = ("client_id", "redirect_uri", "scope", "nonce", "code_challenge", "sid")
        return AuthorizationCode(**{column: row[column] for column in columns})


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
