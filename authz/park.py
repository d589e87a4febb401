"""The parked request (挂起): what a person asked for, sealed, until what was missing is there.

It is stored and given back, never replayed from here: its requester sends it again through the door,
where it is decided again. What waits for a second person is decided on in `second_person.py`.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.errors import NotApproved, ParkedUnknown, ParkFull
from authz.label import Label
from authz.request import Missing
from authz.store import parked
from crypto.aead import Sealer
from crypto.errors import SealInvalid
from storage import advisory, witness
from storage.act import Act
from storage.database import Database

BODY_BYTES = 64 * 1024
PER_SUBJECT, WAITING_PER_SUBJECT = 8, 32  # the second: of those that wait for somebody else
LIFETIME, WAITING_LIFETIME = timedelta(minutes=15), timedelta(hours=72)
APPROVED, REJECTED = "approved", "rejected"
_PURPOSE, _APPROVAL = "parked request", "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """What a second person is asked for: the act, and the action that approves it on the same object."""

    department: str
    object: str
    action: str
    approve_action: str
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRequest:
    """A parked request: its bytes as they came, who may send it again, and what a second person said to it."""

    id: str
    subject: str
    host: str
    missing: Missing
    parked_at: datetime
    expires_at: datetime
    digest: str
    approval_request: ApprovalRequest | None  # None: it waits for no second person
    verdict: str  # "", "approved", "rejected"
    decided_by: str
    decided_at: datetime | None
    reason: str
    taken_at: datetime | None
    # sealed; empty once it was sent
    method: str = ""
    target: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # the chosen ones: what the body is
    body: bytes = field(default=b"", repr=False)

    @property
    def approver(self) -> str:
        """Who approved it, or "". For a request that waits for no second person it is always "": no approval was looked
        for.
        """
        return self.decided_by if self.approval_request is not None and self.verdict == APPROVED else ""


class ParkingSlip(NamedTuple):
    """Under which id a request is parked, and what the record of that says of its row: its name and its digest."""

    id: str
    row: str
    digest: str


class Parking:
    """Holds a bounded number of requests of each subject, for minutes or, for a second person, 72 hours.

    A request is parked once, under the id of the record that says why it was refused. Called from threads.
    """

    def __init__(self, database: Database, seal: Sealer, *, clock: Callable[[], datetime]) -> None:
        self.database, self.seal, self.clock = database, seal, clock

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
        approval_request: ApprovalRequest | None = None,
    ) -> ParkingSlip:
        """Seal the request and store it. The same request of the same requester that waits for a second person already
        is not stored again: its slip is returned.

        `record` is the id of the record that says why it was refused; `approval_request` is given if a second person
        is missing. Raises ParkFull if the body is above 64 KiB or the requester has too many, and StorageUnavailable.
        """
        if len(body) > BODY_BYTES:
            raise ParkFull(f"body of {len(body)} bytes; at most {BODY_BYTES} can be parked")
        now = self.clock()
        words = {"method": method, "target": target, "headers": headers, "body": base64.b64encode(body).decode()}
        text = json.dumps(words).encode()
        row = {"id": record, "subject": subject, "host": host, "missing": missing, "parked_at": now, "record": record}
        row |= {"expires_at": now + (WAITING_LIFETIME if approval_request else LIFETIME), "digest": _digest(text)}
        row |= {"verdict": "", "reason": "", **_columns(approval_request)}
        row["sealed"] = self.seal.seal(text, purpose=purpose_of(row))
        with self.database.transaction() as connection:
            advisory.hold(connection, f"parked {subject}")  # counted one after the other; a service has no other row
            self._forget_old(connection, now)
            if approval_request and (same := self._same(connection, row)):
                return ParkingSlip(same, *witness.describe_row(connection, parked, same))
            self._check_room(connection, subject, now, waiting=approval_request is not None)
            connection.execute(sa.insert(parked).values(row))
            return ParkingSlip(record, *witness.describe_row(connection, parked, record))

    def look(self, identifier: str, *, subject: str, host: str) -> ParkedRequest:
        """Return the request and leave it parked. Raises ParkedUnknown if it is not there, not hers, not of this host,
        too old, or sent before: one answer for all.
        """
        mine = self._mine(identifier, subject, host)
        with self.database.transaction() as connection:
            return self.open_row(connection.execute(sa.select(parked).where(mine)).mappings().one_or_none())

    def take(self, identifier: str, *, host: str, act: Act) -> ParkedRequest:
        """Return the actor's request and take it out: that can be done once. It is sent under the act's record.

        A request that a second person approved stays as a row without its bytes, for both to see, until it is too old.
        Raises ParkedUnknown as `look` does, and NotApproved if it still waits or was rejected.
        """
        hers = sa.select(parked).where(self._mine(identifier, act.actor, host)).with_for_update()
        with self.database.transaction() as connection:
            row = connection.execute(hers).mappings().one_or_none()
            request = self.open_row(row)
            if request.approval_request is None:
                connection.execute(sa.delete(parked).where(parked.c.id == identifier))
                return request
            if row is None or request.verdict != APPROVED:
                raise NotApproved
            self._check_approval(row)
            sent = {"taken_at": act.at, "take_record": act.record, "sealed": b""}
            connection.execute(sa.update(parked).where(parked.c.id == identifier).values(sent))
            act.witness(connection, parked, identifier)
            return request

    def sweep(self) -> int:
        """Forget the requests that are too old, and return how many."""
        with self.database.transaction() as connection:
            return self._forget_old(connection, self.clock())

    def open_row(self, row: sa.RowMapping | None) -> ParkedRequest:
        """Return a row as a value, with its bytes if it was not sent yet. Raises ParkedUnknown for None, SealInvalid
        for a row that was changed behind our back.
        """
        if row is None:
            raise ParkedUnknown
        request = self.without_bytes(row)
        if not row["sealed"]:
            return request
        text = self.seal.open(row["sealed"], purpose=purpose_of(dict(row)))
        if row["digest"] and not hmac.compare_digest(_digest(text), row["digest"]):
            raise SealInvalid
        words = json.loads(text)
        return replace(
            request,
            method=words["method"],
            target=words["target"],
            headers=tuple((name, value) for name, value in words["headers"]),
            body=base64.b64decode(words["body"]),
        )

    @staticmethod
    def without_bytes(row: sa.RowMapping) -> ParkedRequest:
        """Return a row as a value, without what is sealed in it."""
        values: dict[str, Any] = {name: row[name] for name in _PLAIN}
        values |= {"missing": Missing(row["missing"]), "approval_request": _approval_request(row)}
        return ParkedRequest(**values | {"decided_by": row["decided_by"] or ""})

    def approval_of(self, row: sa.RowMapping, *, by: str, record: str) -> bytes:
        """Return the sealed approval: that `by` approved exactly these bytes of this request, under `record`. Only a
        process with the platform's key can make one.
        """
        return self.seal.seal(json.dumps([by, record]).encode(), purpose=approval_purpose(row))

    def _check_approval(self, row: sa.RowMapping) -> None:
        """Raises SealInvalid for an approval that was written into the table by another hand."""
        approval = json.loads(self.seal.open(row["approval"] or b"", purpose=approval_purpose(row)))
        if approval != [row["decided_by"], row["decide_record"]]:
            raise SealInvalid

    def _mine(self, identifier: str, subject: str, host: str) -> sa.ColumnElement[bool]:
        hers = (parked.c.id == identifier) & (parked.c.subject == subject) & (parked.c.host == host)
        return hers & (parked.c.expires_at > self.clock()) & parked.c.taken_at.is_(None)

    def _same(self, connection: Connection, row: dict[str, Any]) -> str:
        """A second click while the first still waits is the same request."""
        same = [parked.c[name] == row[name] for name in ("subject", "host", "digest", "missing", "verdict")]
        query = sa.select(parked.c.id).where(*same, parked.c.expires_at > row["parked_at"])
        return connection.execute(query.limit(1)).scalar_one_or_none() or ""

    @staticmethod
    def _check_room(connection: Connection, subject: str, now: datetime, *, waiting: bool) -> None:
        kind = parked.c.missing == Missing.APPROVER if waiting else parked.c.missing != Missing.APPROVER
        mine = (parked.c.subject == subject) & kind & (parked.c.expires_at > now)
        mine &= parked.c.taken_at.is_(None) & (parked.c.verdict != REJECTED)
        most = WAITING_PER_SUBJECT if waiting else PER_SUBJECT
        if connection.execute(sa.select(sa.func.count()).select_from(parked).where(mine)).scalar_one() >= most:
            raise ParkFull(f"{most} requests are parked already")

    @staticmethod
    def _forget_old(connection: Connection, now: datetime) -> int:
        """Those that somebody else is forgetting just now are left to them."""
        old = sa.select(parked.c.id).where(parked.c.expires_at <= now).with_for_update(skip_locked=True)
        return connection.execute(sa.delete(parked).where(parked.c.id.in_(old))).rowcount


_PLAIN = (
    "id", "subject", "host", "parked_at", "expires_at", "digest", "verdict", "decided_at", "reason", "taken_at",
)  # fmt: skip


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def purpose_of(row: Mapping[str, Any]) -> str:
    """Return the purpose a parked request is sealed for: its requester, on its host. It opens for no other."""
    return f"{_PURPOSE} {row['id']} {row['subject']} {row['host']}"


def approval_purpose(row: sa.RowMapping) -> str:
    """Return the purpose an approval is sealed for: these bytes of this request. It opens for no other."""
    return f"{_APPROVAL} {row['id']} {row['subject']} {row['host']} {row['digest']}"


def _columns(wanted: ApprovalRequest | None) -> dict[str, Any]:
    names = ("department", "object", "action", "approve_action")
    return {name: getattr(wanted, name) if wanted else "" for name in names} | {"label": wanted.label if wanted else 0}


def _approval_request(row: sa.RowMapping) -> ApprovalRequest | None:
    if row["missing"] != Missing.APPROVER:
        return None
    return ApprovalRequest(
        department=row["department"],
        object=row["object"],
        action=row["action"],
        approve_action=row["approve_action"],
        label=Label(row["label"]),
    )
