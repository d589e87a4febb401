"""What may be forgotten: whoever was forgotten signs in again, and gains nothing by it."""

import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Database
from storage.store import ephemeral

_ALIVE = sa.select(ephemeral.c.key, ephemeral.c.value).where(
    ephemeral.c.key.in_(sa.bindparam("keys", expanding=True)), ephemeral.c.expires_at > sa.bindparam("now")
)


class Ephemeral(Protocol):
    """Values by key, each for so many seconds. Called from threads.

    Every method raises EphemeralUnavailable or StorageUnavailable, whichever store the values are kept in.
    """

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        """Keep `value` under `key` for `seconds`, instead of what was there."""

    def get(self, keys: AbstractSet[str]) -> Mapping[str, bytes]:
        """Return what is kept under these keys, asked for together. A key that is missing never was there, or its time
        is over.
        """

    def remove(self, key: str) -> None:
        """Forget what is kept under `key`."""

    def claim(self, key: str, *, seconds: int, since: float = math.inf) -> bool:
        """Return whether `key` is ours now: nobody else claimed it within `seconds`.

        Raises EphemeralUnavailable also if claims made later than `since` (seconds since 1970) may have been forgotten.
        """

    def look(self, prefix: str, *, after: str, limit: int) -> tuple[list[tuple[str, bytes]], str]:
        """Return about `limit` keys that begin with `prefix`, with their values, and the next `after`; "" is the begin
        and the end.

        What is there from the first call to the last is seen. Something may be seen twice.
        """

    def swap(self, key: str, held: bytes, value: bytes) -> bool:
        """Keep `value` instead of `held` for what is left of its time, if `held` is what is kept. Return whether it
        was.
        """

    def sweep(self) -> int:
        """Forget the values whose time is over, and return how many."""


class DatabaseEphemeral:
    """An Ephemeral in the city's database: it survives a restart."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        self._write(key, value, seconds, even_if_alive=True)

    def get(self, keys: AbstractSet[str]) -> Mapping[str, bytes]:
        these = {"keys": list(keys), "now": self._clock()}
        rows = self._database.alone(lambda connection: connection.execute(_ALIVE, these).all())
        return {row.key: row.value for row in rows}

    def remove(self, key: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(sa.delete(ephemeral).where(ephemeral.c.key == key))

    def claim(self, key: str, *, seconds: int, since: float = math.inf) -> bool:  # noqa: ARG002 - it forgets nothing
        return self._write(key, b"", seconds, even_if_alive=False)

    def look(self, prefix: str, *, after: str, limit: int) -> tuple[list[tuple[str, bytes]], str]:
        mine = ephemeral.c.key.startswith(prefix, autoescape=True) & (ephemeral.c.key > after)
        query = sa.select(ephemeral.c.key, ephemeral.c.value).where(mine, ephemeral.c.expires_at > self._clock())
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(ephemeral.c.key).limit(limit)).all()
        found = [(row.key, row.value) for row in rows]
        return found, found[-1][0] if len(found) == limit else ""

    def swap(self, key: str, held: bytes, value: bytes) -> bool:
        same = (ephemeral.c.key == key) & (ephemeral.c.value == held) & (ephemeral.c.expires_at > self._clock())
        with self._database.transaction() as connection:
            return connection.execute(sa.update(ephemeral).where(same).values(value=value)).rowcount == 1

    def sweep(self) -> int:
        with self._database.transaction() as connection:
            return connection.execute(sa.delete(ephemeral).where(ephemeral.c.expires_at <= self._clock())).rowcount

    def _write(self, key: str, value: bytes, seconds: int, *, even_if_alive: bool) -> bool:
        now = self._clock()
        row = {"key": key, "value": value, "expires_at": now + timedelta(seconds=seconds)}
        with self._database.transaction() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            insert = dialect.insert(ephemeral).values(row)
            replaced = {"value": insert.excluded.value, "expires_at": insert.excluded.expires_at}
            over = None if even_if_alive else ephemeral.c.expires_at <= now
            upsert = insert.on_conflict_do_update(index_elements=["key"], set_=replaced, where=over)
            return connection.execute(upsert.returning(ephemeral.c.key)).first() is not None
