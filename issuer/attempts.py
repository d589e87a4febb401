"""Lock-out: every attempt is counted before it is checked, so that no number of parallel guesses gets past it."""

import hashlib
from datetime import datetime, timedelta

from issuer.errors import TooManyAttempts
from issuer.issuer_file import IssuerFile

FREE_ATTEMPTS = 5
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=30), timedelta(minutes=15)
MAX_UNKNOWN_LOGINS = 10_000  # counted like real ones, so that nothing tells them apart

SCHEMA = """
CREATE TABLE IF NOT EXISTS attempt (
  digest BLOB PRIMARY KEY, real INTEGER NOT NULL, failures INTEGER NOT NULL, until REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""


class Attempts:
    """Failures in a row per login and factor; a success forgets them."""

    def __init__(self, file: IssuerFile) -> None:
        self._file = file

    def count(self, login: str, factor: str, *, real: bool, now: datetime) -> None:
        """Count one attempt as failed until `succeeded` is called. Raises TooManyAttempts.

        `real` is whether the login has an account: others are counted too, but the least recently tried of them are
        forgotten when they grow too many.
        """
        digest = _digest(login, factor)
        with self._file.transaction() as connection:
            row = connection.execute("SELECT failures, until FROM attempt WHERE digest = ?", (digest,)).fetchone()
            failures, until = (row["failures"], row["until"]) if row else (0, 0.0)
            if now.timestamp() < until:
                raise TooManyAttempts(datetime.fromtimestamp(until, now.tzinfo))
            failures += 1
            until = (now + _delay(failures)).timestamp()
            connection.execute("REPLACE INTO attempt VALUES (?, ?, ?, ?)", (digest, real, failures, until))
            connection.execute(
                "DELETE FROM attempt WHERE digest IN"
                " (SELECT digest FROM attempt WHERE NOT real ORDER BY until DESC LIMIT -1 OFFSET ?)",
                (MAX_UNKNOWN_LOGINS,),
            )

    def forget_failures(self, login: str, factor: str) -> None:
        """Forget the failures of this login and factor."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM attempt WHERE digest = ?", (_digest(login, factor),))


def _delay(failures: int) -> timedelta:
    if failures < FREE_ATTEMPTS:
        return timedelta()
    return min(FIRST_DELAY * (1 << min(failures - FREE_ATTEMPTS, 10)), LONGEST_DELAY)


def _digest(login: str, factor: str) -> bytes:
    return hashlib.sha256(f"{factor}\x00{login}".encode()).digest()
