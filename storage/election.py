"""One of several processes does what only one may do: whoever holds the lock of that name in PostgreSQL."""

from contextlib import suppress

import psycopg

from storage import advisory
from storage.database import CONNECTED


class Election:
    """A candidate for one office, on a connection of its own. The lock ends with the connection. Called from one
    thread.
    """

    def __init__(self, url: str, name: str) -> None:
        """`url` as Database takes it; `name` is the office, "sequencer" or "clock"."""
        self._url, self._name = url.replace("+psycopg", "", 1), name
        self._connection: psycopg.Connection | None = None

    def wins(self) -> bool:
        """Try to get the office, without waiting. Return whether it is ours now. Without the database it is
        nobody's.
        """
        if self._connection is not None:
            return self.leads()
        try:
            connection = psycopg.connect(self._url, autocommit=True, options="-c statement_timeout=2s", **CONNECTED)
        except psycopg.Error:
            return False
        if self._asks(connection, "SELECT pg_try_advisory_lock(%s)"):
            self._connection = connection
            return True
        connection.close()
        return False

    def leads(self) -> bool:
        """Return whether the connection still lives, and with it the office."""
        if self._connection is None:
            return False
        if self._asks(self._connection, _HELD):
            return True
        self.close()
        return False

    def close(self) -> None:
        """Give the office up."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _asks(self, connection: psycopg.Connection, question: str) -> bool:
        try:
            row = connection.execute(question, [advisory.number(f"election {self._name}")]).fetchone()
        except psycopg.Error:
            return False
        return row is not None and bool(row[0])


_HELD = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
AND (classid::bigint << 32) | objid::bigint = %s)
"""
