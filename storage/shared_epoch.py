"""The epoch of several processes, in PostgreSQL: who asks holds a lock shared, who counts a step holds it alone.

So every lease that was granted on epoch n can be seen by whoever reads after the commit of n+1. How long ago that
was, nobody asks the database's clock: an observer counts from when it first saw the grant, which is later.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa
from psycopg.sql import Literal
from sqlalchemy import Connection

from storage import advisory, store
from storage.database import Database
from storage.epoch import Confirmation, Confirmations, EpochAnswer, EpochChange, Kind

_LOCK = "epoch"
_NO_GRANT = 0
_CHANGE = store.epoch_change.c


@dataclass(frozen=True, slots=True)
class _Seen:
    """A gateway's grant, and when this process saw it first, on its own monotonic clock."""

    grants: int
    at: float


class PostgresEpochs:
    """An EpochSource for the gateways of many processes; bounded. Thread-safe."""

    def __init__(
        self,
        database: Database,
        *,
        monotonic: Callable[[], float],
        forget_seconds: float = 60.0,
        keep_changes: int = 4096,
    ) -> None:
        """A `database` of its own keeps its questions from waiting for the connections of others."""
        self._database, self._monotonic = database, monotonic
        self._forget_seconds, self._keep_changes = forget_seconds, keep_changes
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def bump(self, connection: Connection, changes: Iterable[tuple[Kind, str]]) -> int:
        advisory.hold(connection, _LOCK)
        step = sa.update(store.epoch).values(epoch=store.epoch.c.epoch + 1).returning(store.epoch.c.epoch)
        counted: int = connection.execute(step).scalar_one()
        rows = [
            {"epoch": counted, "place": place, "kind": kind, "key": key} for place, (kind, key) in enumerate(changes)
        ]
        if rows:
            connection.execute(sa.insert(store.epoch_change), rows)
        newest = sa.select(_CHANGE.epoch).order_by(_CHANGE.epoch.desc(), _CHANGE.place.desc())
        too_many = connection.execute(newest.offset(self._keep_changes).limit(1)).scalar_one_or_none()
        if too_many is not None:
            connection.execute(sa.delete(store.epoch_change).where(_CHANGE.epoch <= too_many))
            connection.execute(sa.update(store.epoch).values(known_from=too_many))
        return counted

    def ask(self, gateway: str, *, holds: int) -> EpochAnswer:
        # never a number that somebody saw before, also after the row was forgotten
        grants = 1 + secrets.randbelow(2**63 - 1)
        name = Literal(gateway).as_string()
        question = _QUESTION.format(lock=advisory.number(_LOCK), name=name, holds=int(holds), grants=grants)
        rows = self._database.alone(partial(_last_of, question))
        self._forget(self._look({row.name: row.grants for row in rows}))
        current = rows[0].current
        return EpochAnswer(epoch=current, changes=() if holds == current else self._since(holds, current))

    def _since(self, holds: int, current: int) -> tuple[EpochChange, ...] | None:
        between = (_CHANGE.epoch > holds) & (_CHANGE.epoch <= current)
        query = sa.select(store.epoch_change).where(between).order_by(_CHANGE.epoch, _CHANGE.place)
        with self._database.transaction() as connection:
            changes = connection.execute(query).all()
            # asked after them: what it counts from then on was all there
            known_from = connection.execute(sa.select(store.epoch.c.known_from)).scalar_one()
        if not known_from <= holds <= current:
            return None
        return tuple(EpochChange(epoch=row.epoch, kind=row.kind, key=row.key) for row in changes)

    def confirmations(self) -> Confirmations:
        at = self._monotonic()  # before the reading, and sights are after it: no grant is thought older than it is
        told = self._database.alone(lambda connection: connection.execute(_CONFIRMED).all())
        rows = [row for row in told if row.name is not None]
        seen = self._look({row.name: row.grants for row in rows})
        silent = self._forget(seen)
        known = {
            row.name: Confirmation(epoch=row.epoch, granted_at=seen[row.name].at)
            for row in rows
            if row.grants != _NO_GRANT and row.name not in silent
        }
        return Confirmations(at=at, epoch=told[0].current, gateways=known)

    def _look(self, told: Mapping[str, int]) -> dict[str, _Seen]:
        """Note which grants are others than before. Whoever looks with old ones only makes them seem newer."""
        with self._lock:
            now = self._monotonic()
            self._seen = {name: self._sight(name, grants, now) for name, grants in told.items()}
            return self._seen

    def _sight(self, name: str, grants: int, now: float) -> _Seen:
        before = self._seen.get(name)
        return before if before is not None and before.grants == grants else _Seen(grants, now)

    def _forget(self, seen: Mapping[str, _Seen]) -> list[str]:
        """Whoever was silent for long, unless it spoke meanwhile."""
        now = self._monotonic()
        silent = sorted(name for name, one in seen.items() if now - one.at > self._forget_seconds)
        if silent:
            with self._database.transaction() as connection:
                for name in silent:
                    mine = (store.gateway.c.name == name) & (store.gateway.c.grants == seen[name].grants)
                    connection.execute(sa.delete(store.gateway).where(mine))
        return silent


class _Told(NamedTuple):
    """A gateway's grant, beside the current epoch."""

    current: int
    name: str
    grants: int


def _last_of(statements: str, connection: Connection) -> list[_Told]:
    """The rows of the last of several statements, which are one message and one transaction."""
    cursor = connection.exec_driver_sql(statements, execution_options={"no_parameters": True}).cursor
    while cursor.nextset():
        pass
    return [_Told(*row) for row in cursor.fetchall()]


_CONFIRMED = sa.select(store.epoch.c.epoch.label("current"), store.gateway).join_from(
    store.epoch, store.gateway, sa.true(), isouter=True
)
# Each statement sees what was committed before it began, so what follows the lock sees whoever held it.
# A question about an epoch that never was comes from before the database was restored: it confirms nothing.
_QUESTION = """
SELECT pg_advisory_xact_lock_shared({lock});
INSERT INTO gateway (name, epoch, grants)
SELECT {name}, CASE WHEN {holds} <= epoch THEN {holds} ELSE 0 END, CASE WHEN {holds} = epoch THEN {grants} ELSE 0 END
FROM epoch
ON CONFLICT (name) DO UPDATE SET
    epoch = greatest(gateway.epoch, excluded.epoch),
    grants = CASE excluded.grants WHEN 0 THEN gateway.grants ELSE excluded.grants END;
SELECT epoch.epoch, gateway.name, gateway.grants FROM epoch CROSS JOIN gateway
"""
