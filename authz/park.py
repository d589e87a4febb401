"""The parked request (挂起): what a person asked for, sealed, until what was missing is there.

It is stored and given back, never replayed from here: its requester sends it again through the door,
where it is decided again.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.errors import ParkedUnknown, ParkFull
from authz.request import Missing
from authz.store import parked
from crypto.aead import Seal
from storage import advisory
from storage.database import Database

BODY_BYTES = 64 * 1024
PER_SUBJECT = 8
LIFETIME = timedelta(minutes=15)
_PURPOSE = "parked request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A request as its bytes were, and who may send it again."""

    id: str
    subject: str
    host: str
    missing: Missing
    parked_at: datetime
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]  # the chosen ones: what the body is
    body: bytes


class Parking:
    """Holds at most PER_SUBJECT requests of each subject for LIFETIME. Called from threads."""

    def __init__(
        self, database: Database, seal: Seal, *, clock: Callable[[], datetime], mint: Callable[[], str]
    ) -> None:
        self._database, self._seal, self._clock, self._mint = database, seal, clock, mint

    def park(
        self,
        *,
        subject: str,
        host: str,
        missing: Missing,
        method: str,
        target: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        record: str,
    ) -> str:
        """Seal and store; return the id. Raises ParkFull when the subject has too many or the body is too large."""
        if len(body) > BODY_BYTES:
            raise ParkFull(f"body of {len(body)} bytes; at most {BODY_BYTES} can be parked")
        identifier, now = self._mint(), self._clock()
        text = {"method": method, "target": target, "headers": headers, "body": base64.b64encode(body).decode()}
        sealed = self._seal.seal(json.dumps(text).encode(), purpose=f"{_PURPOSE} {identifier} {subject} {host}")
        row = {"id": identifier, "subject": subject, "host": host, "missing": missing, "parked_at": now}
        with self._database.transaction() as connection:
            advisory.hold(connection, f"parked {subject}")  # counted one after the other; a service has no other row
            self._forget_old(connection, now)
            mine = (parked.c.subject == subject) & (parked.c.parked_at > now - LIFETIME)
            held = sa.select(sa.func.count()).select_from(parked).where(mine)
            if connection.execute(held).scalar_one() >= PER_SUBJECT:
                raise ParkFull(f"{PER_SUBJECT} requests are parked already")
            connection.execute(sa.insert(parked).values(**row, sealed=sealed, record=record))
        return identifier

    def look(self, identifier: str, *, subject: str, host: str) -> Parked:
        """The request, still parked. Raises ParkedUnknown: not there, not hers, not of this host, too old."""
        mine = self._mine(identifier, subject, host)
        with self._database.transaction() as connection:
            return self._opened(connection.execute(sa.select(parked).where(mine)).mappings().one_or_none())

    def take(self, identifier: str, *, subject: str, host: str) -> Parked:
        """The request, no longer parked: it can be taken once. Raises ParkedUnknown."""
        taken = sa.delete(parked).where(self._mine(identifier, subject, host)).returning(parked)
        with self._database.transaction() as connection:
            return self._opened(connection.execute(taken).mappings().one_or_none())

    def sweep(self) -> int:
        """Forget what is too old; return how many."""
        with self._database.transaction() as connection:
            return self._forget_old(connection, self._clock())

    def _mine(self, identifier: str, subject: str, host: str) -> sa.ColumnElement[bool]:
        hers = (parked.c.id == identifier) & (parked.c.subject == subject) & (parked.c.host == host)
        return hers & (parked.c.parked_at > self._clock() - LIFETIME)

    def _opened(self, row: sa.RowMapping | None) -> Parked:
        if row is None:
            raise ParkedUnknown
        purpose = f"{_PURPOSE} {row['id']} {row['subject']} {row['host']}"
        text = json.loads(self._seal.open(row["sealed"], purpose=purpose))
        return Parked(
            id=row["id"],
            subject=row["subject"],
            host=row["host"],
            missing=Missing(row["missing"]),
            parked_at=row["parked_at"],
            method=text["method"],
            target=text["target"],
            headers=tuple((name, value) for name, value in text["headers"]),
            body=base64.b64decode(text["body"]),
        )

    @staticmethod
    def _forget_old(connection: Connection, now: datetime) -> int:
        """Those that somebody else is forgetting just now are left to them."""
        old = sa.select(parked.c.id).where(parked.c.parked_at <= now - LIFETIME).with_for_update(skip_locked=True)
        return connection.execute(sa.delete(parked).where(parked.c.id.in_(old))).rowcount
