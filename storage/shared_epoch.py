"""The epoch of several processes, in PostgreSQL: who asks holds a lock shared, who counts a step holds it alone.

So every lease that was granted on epoch n can be seen by whoever reads after the commit of n+1. How long ago that
was, nobody asks the database's clock: an observer counts from when it first saw the grant, which is later.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from storage import advisory, store
from storage.database import Database
from storage.epoch import Answer, Change, Confirmation, Confirmations, Kind

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

    def ask(self, gateway: str, *, holds: int) -> Answer:
        with self._database.transaction() as connection:
            advisory.hold(connection, _LOCK, shared=True)
            now = connection.execute(sa.select(store.epoch.c.epoch, store.epoch.c.known_from)).one()
            _confirm(connection, gateway, holds=holds, current=now.epoch)
            changes = _since(connection, holds, now.epoch, now.known_from)
            rows = connection.execute(sa.select(store.gateway)).all()
        self._forget(self._look(rows))
        return Answer(epoch=now.epoch, changes=changes)

    def confirmations(self) -> Confirmations:
        at = self._monotonic()  # before the reading, and sights are after it: no grant is thought older than it is
        with self._database.transaction() as connection:
            current = connection.execute(sa.select(store.epoch.c.epoch)).scalar_one()
            rows = connection.execute(sa.select(store.gateway)).all()
        seen = self._look(rows)
        silent = self._forget(seen)
        known = {
            row.name: Confirmation(epoch=row.epoch, granted_at=seen[row.name].at)
            for row in rows
            if row.grants != _NO_GRANT and row.name not in silent
        }
        return Confirmations(at=at, epoch=current, gateways=known)

    def _look(self, rows: Sequence[sa.Row[Any]]) -> dict[str, _Seen]:
        """Note which grants are others than before. Whoever looks with old rows only makes them seem newer."""
        with self._lock:
            now = self._monotonic()
            self._seen = {row.name: self._sight(row.name, row.grants, now) for row in rows}
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


def _confirm(connection: Connection, name: str, *, holds: int, current: int) -> None:
    """A question about an epoch that never was comes from before the database was restored: it confirms nothing."""
    # never a number that somebody saw before, also after the row was forgotten
    grants = 1 + secrets.randbelow(2**63 - 1) if holds == current else _NO_GRANT
    row = insert(store.gateway).values(name=name, epoch=holds if holds <= current else 0, grants=grants)
    newer: dict[str, Any] = {"epoch": sa.func.greatest(store.gateway.c.epoch, row.excluded.epoch)}
    if grants != _NO_GRANT:
        newer["grants"] = row.excluded.grants
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=newer))


def _since(connection: Connection, holds: int, current: int, known_from: int) -> tuple[Change, ...] | None:
    if not known_from <= holds <= current:
        return None
    if holds == current:
        return ()
    newer = sa.select(store.epoch_change).where(_CHANGE.epoch > holds).order_by(_CHANGE.epoch, _CHANGE.place)
    return tuple(Change(epoch=row.epoch, kind=row.kind, key=row.key) for row in connection.execute(newer))
