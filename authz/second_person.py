"""The second person: which parked requests wait for one, and what was said to them; once, and never to one's own."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from authz.errors import AlreadyDecided, OwnRequest, ParkedUnknown
from authz.park import APPROVED, REJECTED, ParkedRequest, Parking
from authz.request import Missing
from authz.store import parked
from crypto.errors import SealInvalid
from storage.act import Act

PAGE_REQUESTS = 50


class SecondPerson:
    """Reads and decides on what is parked for a second person. Called from threads.

    Whether somebody may approve is the door's to say, before any of this is called.
    """

    def __init__(self, parking: Parking) -> None:
        self._parking, self._database, self._clock = parking, parking.database, parking.clock

    def list_waiting(self, *, besides: str, after: str = "") -> list[ParkedRequest]:
        """Return one page of what waits for a second person, oldest first, without what the subject `besides` asked
        for. `after` is the last id of the page before.
        """
        wanted = (parked.c.verdict == "") & (parked.c.subject != besides)
        return self._page(wanted & (parked.c.id > after), parked.c.id)

    def list_asked_by(self, subject: str, *, before: str = "") -> list[ParkedRequest]:
        """Return one page of what `subject` asked a second person for, newest first.
        `before` is the last id of the page before.
        """
        return self._page((parked.c.subject == subject) & _older(before), parked.c.id.desc())

    def list_decided_by(self, subject: str, *, before: str = "") -> list[ParkedRequest]:
        """Return one page of what `subject` approved or rejected, newest first.
        `before` is the last id of the page before.
        """
        return self._page((parked.c.decided_by == subject) & _older(before), parked.c.id.desc())

    def find(self, identifier: str) -> ParkedRequest:
        """Return the request with this id. Raises ParkedUnknown."""
        requests = self._page(parked.c.id == identifier, parked.c.id)
        if not requests:
            raise ParkedUnknown
        return requests[0]

    def approve(self, identifier: str, act: Act) -> ParkedRequest:
        """Note that the actor approves it. Its requester may then send it, as far as both may by then.
        Raises ParkedUnknown, OwnRequest, AlreadyDecided.
        """
        return self._decide(identifier, act, verdict=APPROVED, reason="")

    def reject(self, identifier: str, act: Act, *, reason: str) -> ParkedRequest:
        """Note that the actor says no, and why. Raises as `approve` does."""
        return self._decide(identifier, act, verdict=REJECTED, reason=reason)

    def _decide(self, identifier: str, act: Act, *, verdict: str, reason: str) -> ParkedRequest:
        query = sa.select(parked).where(parked.c.id == identifier, _alive(self._clock()))
        with self._database.transaction() as connection:
            row = connection.execute(query.with_for_update()).mappings().one_or_none()
            if row is None:
                raise ParkedUnknown
            if row["subject"] == act.actor:
                raise OwnRequest
            if row["verdict"]:
                raise AlreadyDecided
            values: dict[str, Any] = {"verdict": verdict, "reason": reason}
            values |= {"decided_by": act.actor, "decided_at": act.at, "decide_record": act.record}
            if verdict == APPROVED:
                values["approval"] = self._parking.approval_of(row, by=act.actor, record=act.record)
            changed = sa.update(parked).where(parked.c.id == identifier).values(values).returning(parked)
            request = self._parking.open_row(connection.execute(changed).mappings().one())
            act.witness(connection, parked, identifier)
            return request

    def _page(self, wanted: sa.ColumnElement[bool], order: sa.ColumnElement[str]) -> list[ParkedRequest]:
        query = sa.select(parked).where(_alive(self._clock()) & wanted).order_by(order).limit(PAGE_REQUESTS)
        with self._database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        return [self._shown(row) for row in rows]

    def _shown(self, row: sa.RowMapping) -> ParkedRequest:
        """One that was changed behind our back hides no other: it is shown empty, and nobody can approve it."""
        try:
            return self._parking.open_row(row)
        except SealInvalid:
            return self._parking.without_bytes(row)


def _alive(now: datetime) -> sa.ColumnElement[bool]:
    return (parked.c.missing == Missing.APPROVER) & (parked.c.expires_at > now)


def _older(before: str) -> sa.ColumnElement[bool]:
    return parked.c.id < before if before else sa.true()
