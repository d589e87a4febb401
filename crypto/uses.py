"""How often each version was used: counted in this process, added to the day's row once a minute, noted in the log."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from crypto import store
from storage.act import Act
from storage.database import Database

KEPT_DAYS = 400
_NOTED = 4  # sums of one version on one day, in one record
_USE = store.key_use.c


class Uses:
    """Counts uses. Thread-safe. A process that is killed takes at most a minute's count with it; `lifecycle` has room
    for that.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database, self._clock, self._lock = database, clock, threading.Lock()
        self._seals, self._opens = Counter[str](), Counter[str]()

    def count_seal(self, version: str) -> None:
        """Count that one more was sealed or signed with it."""
        with self._lock:
            self._seals[version] += 1

    def count_opening(self, version: str) -> None:
        """Count that one more was opened or checked with it."""
        with self._lock:
            self._opens[version] += 1

    def flush(self) -> None:
        """Add what was counted to today's rows. What cannot be added is kept for the next time.
        Raises StorageUnavailable.
        """
        with self._lock:
            sealed, self._seals = self._seals, Counter()
            opened, self._opens = self._opens, Counter()
        day = self._clock().date().isoformat()
        done = False
        try:
            if sealed or opened:
                with self._database.transaction() as connection:
                    for version in sorted({*sealed, *opened}):
                        _add(connection, version, day, sealed[version], opened[version])
            done = True
        finally:
            if not done:
                with self._lock:
                    self._seals += sealed
                    self._opens += opened

    def total(self, versions: Iterable[str]) -> dict[str, int]:
        """Return how often each of these versions sealed or signed, as far as it is written down."""
        query = sa.select(_USE.version, sa.func.sum(_USE.sealed).label("sealed")).where(
            _USE.version.in_(list(versions))
        )
        with self._database.transaction() as connection:
            return {row.version: int(row.sealed) for row in connection.execute(query.group_by(_USE.version))}

    def note_past_days(self, act: Act) -> int:
        """Note the sums of days that are over and stand in no record yet, and forget what is long past.

        Return how many were noted.
        """
        today = self._clock().date()
        past = sa.select(store.key_use).where(_USE.day < today.isoformat(), _USE.record.is_(None))
        with self._database.transaction() as connection:
            rows = connection.execute(past.order_by(_USE.day, _USE.version).limit(_NOTED).with_for_update()).all()
            for row in rows:
                mine = (_USE.version == row.version) & (_USE.day == row.day)
                connection.execute(sa.update(store.key_use).where(mine).values(record=act.record))
            old = (today - timedelta(days=KEPT_DAYS)).isoformat()
            connection.execute(sa.delete(store.key_use).where(_USE.day < old, _USE.record.is_not(None)))
        act.note({f"{row.day} {row.version}": f"sealed {row.sealed}, opened {row.opened}" for row in rows})
        return len(rows)


def _add(connection: Connection, version: str, day: str, sealed: int, opened: int) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(store.key_use).values(version=version, day=day, sealed=sealed, opened=opened)
    more = {"sealed": _USE.sealed + insert.excluded.sealed, "opened": _USE.opened + insert.excluded.opened}
    connection.execute(insert.on_conflict_do_update(index_elements=["version", "day"], set_=more))
