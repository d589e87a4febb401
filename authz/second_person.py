"""The second person: which parked requests wait for one, and what was said to them; once, and never to one's own."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from authz.errors import AlreadyDecided, OwnRequest, ParkedUnknown
from authz.park import APPROVED, REJECTED, Parked, Parking
from authz.request import Missing
from authz.store import parked
from crypto.errors import SealInvalid
from storage.witness import of

PAGE_REQUESTS = 50


class SecondPerson:
    """Reads and decides on what is parked for a second person. Called from threads.

    Whether somebody may approve is the door's to say, before any of this is called.
    """

    def __init__(self, parking: Parking) -> None:
        self._parking, self._database, self._clock = parking, parking.database, parking.clock

    def waiting(self, *, besides: str, after: str = "") -> list[Parked]:
        """Return one page of what waits for a second person, oldest first, without what the subject `besides` asked
        for. `after` is the last id of the page before.
        """
        wanted = (parked.c.verdict == "") & (parked.c.subject != besides)
        return self._page(wanted & (parked.c.id > after), parked.c.id)

    def asked_by(self, subject: str, *, before: str = "") -> list[Parked]:
        """Return one page of what `subject` asked a second person for, newest first.
        `before` is the last id of the page before.
        """
        return self._page((parked.c.subject == subject) & _older(before), parked.c.id.desc())

    def decided_by(self, subject: str, *, before: str = "") -> list[Parked]:
        """Return one page of what `subject` approved or rejected, newest first.
        `before` is the last id of the page before.
        """
        return self._page((parked.c.decided_by == subject) & _older(before), parked.c.id.desc())

    def find(self, identifier: str) -> Parked:
        """Return the request with this id. Raises ParkedUnknown."""
        found = self._page(parked.c.id == identifier, parked.c.id)
        if not found:
            raise ParkedUnknown
        return found[0]

    def approve(self, identifier: str, *, by: str, record: str) -> Parked:
        """Note that `by` approves it, under `record`. Its requester may then send it, as far as both may by then.
        Raises ParkedUnknown, OwnRequest, AlreadyDecided.
        """
        return self._decide(identifier, APPROVED, by=by, record=record, reason="")

    def reject(self, identifier: str, *, by: str, record: str, reason: str) -> Parked:
        """Note that `by` says no, under `record`, and why. Raises as `approve` does."""
        return self._decide(identifier, REJECTED, by=by, record=record, reason=reason)

    def _decide(self, identifier: str, verdict: str, *, by: str, record: str, reason: str) -> Parked:
        now = self._clock()
        query = sa.select(parked).where(parked.c.id == identifier, _alive(now))
        with self._database.transaction() as connection:
            row = connection.execute(query.with_for_update()).mappings().one_or_none()
            if row is None:
                raise ParkedUnknown
            if row["subject"] == by:
                raise OwnRequest
            if row["verdict"]:
                raise AlreadyDecided
            said = {"verdict": verdict, "reason": reason, "decided_by": by, "decided_at": now, "decide_record": record}
            if verdict == APPROVED:
                said["approval"] = self._parking.approval_of(row, by=by, record=record)
            changed = sa.update(parked).where(parked.c.id == identifier).values(said).returning(parked)
            found = self._parking.opened(connection.execute(changed).mappings().one())
            return replace(found, witness=dict([of(connection, parked, identifier)]))

    def _page(self, wanted: sa.ColumnElement[bool], order: sa.ColumnElement[str]) -> list[Parked]:
        query = sa.select(parked).where(_alive(self._clock()) & wanted).order_by(order).limit(PAGE_REQUESTS)
        with self._database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        return [self._shown(row) for row in rows]

    def _shown(self, row: sa.RowMapping) -> Parked:
        """One that was changed behind our back hides no other: it is shown empty, and nobody can approve it."""
        try:
            return self._parking.opened(row)
        except SealInvalid:
            return self._parking.emptied(row)


def _alive(now: datetime) -> sa.ColumnElement[bool]:
    return (parked.c.missing == Missing.APPROVER) & (parked.c.expires_at > now)


def _older(before: str) -> sa.ColumnElement[bool]:
    return parked.c.id < before if before else sa.true()
