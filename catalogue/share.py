"""Shares: an app of one department reads a resource of another, for a purpose, until a date.

The asker asks, the owner's administrator approves at the door; what is then given is an ordinary role assignment, whose
date the PDP looks at with every request. No job has to run for a share to be over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from authz.administer import Held
from authz.errors import AlreadyHeld, AssignmentUnknown
from authz.label import Label
from authz.open_path import let_in, turn_away
from authz.store import assignment
from catalogue import app_key
from catalogue.errors import AlreadyShared, AppUnknown, CatalogueFull, ResourceUnknown, ShareUnknown
from catalogue.resource import Told, current, reader_of
from catalogue.store import resource, share
from idp.store import app
from storage import witness
from storage.database import Database
from storage.epoch import EpochSource

PER_RESOURCE = 100  # shares at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Who may use what until when; `id` is the role assignment's."""

    id: str
    resource: str
    resource_name: str
    department: str  # the owner's
    app: str
    app_name: str
    app_department: str
    clearance: int
    purpose: str
    until: datetime
    asked_by: str
    approved_by: str  # "" where nobody's approval was needed
    at: datetime
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A share as it was asked for, and approved."""

    resource: str
    department: str  # the owner's
    app: str
    purpose: str
    until: datetime
    actor: str
    approver: str
    record: str


class Shares:
    """Gives and ends shares. Called from threads; what is written is told into `told`."""

    def __init__(
        self, database: Database, *, epochs: EpochSource, clock: Callable[[], datetime], mint: Callable[[], str]
    ) -> None:
        self._database, self._epochs, self._clock, self._mint = database, epochs, clock, mint

    def give(self, asked: Asked, *, speaks_for: Callable[[str], bool], told: Told) -> tuple[Share, int]:
        """Let the app read the resource; `speaks_for(department)`: may the asker ask for its apps?

        Raises ResourceUnknown, AppUnknown, AlreadyShared, CatalogueFull.
        """
        with self._database.transaction() as connection:
            shared = current(connection, asked.resource, held=True)
            asking = app_key.find(connection, asked.app, at=self._clock(), held=True)
            if not speaks_for(asking.department):
                raise AppUnknown(asked.app)
            if shared.department != asked.department:
                raise ResourceUnknown(asked.resource)
            if len(self._rows(connection, share.c.resource == asked.resource)) >= PER_RESOURCE:
                raise CatalogueFull(f"{PER_RESOURCE} shares of `{asked.resource}`")
            identifier = self._assign(connection, asked, clearance=Label(shared.label))
            told.update([witness.of(connection, assignment, identifier), witness.of(connection, share, identifier)])
            (made,) = self._rows(connection, share.c.id == identifier)
            return made, self._epochs.bump(connection, [("subject", asked.app)])

    def _assign(self, connection: sa.Connection, asked: Asked, *, clearance: Label) -> str:
        given = Held(
            id=self._mint(), subject=asked.app, role=reader_of(asked.resource), department=asked.department,
            clearance=clearance, expires_at=asked.until, reason=asked.purpose, given_by=asked.actor,
            given_at=self._clock(), record=asked.record, revoked_by=None, revoked_at=None, revoke_record=None,
        )  # fmt: skip
        try:
            let_in(connection, given)
        except AlreadyHeld as held:
            raise AlreadyShared(f"`{asked.app}` may use `{asked.resource}`") from held
        row = {"id": given.id, "resource": asked.resource, "app": asked.app}
        connection.execute(sa.insert(share).values(row | {"approved_by": asked.approver, "record": asked.record}))
        return given.id

    def end(
        self, identifier: str, *, owner: str = "", user: str = "", of: str, actor: str, record: str, told: Told
    ) -> tuple[Share, int]:
        """End it before its time, by the `owner` of resource `of` or the department that uses it with app `of`.

        Raises ShareUnknown.
        """
        with self._database.transaction() as connection:
            found = self._rows(connection, share.c.id == identifier.replace("\0", "\ufffd"))
            mine = [
                one for one in found
                if (owner and (one.department, one.resource) == (owner, of))
                or (user and (one.app_department, one.app) == (user, of))
            ]  # fmt: skip
            if not mine:
                raise ShareUnknown(identifier)
            try:
                turn_away(connection, identifier, actor=actor, at=self._clock(), record=record)
            except AssignmentUnknown as gone:
                raise ShareUnknown(identifier) from gone
            told.update([witness.of(connection, assignment, identifier)])
            return mine[0], self._epochs.bump(connection, [("subject", mine[0].app)])

    def of_resource(self, identifier: str) -> list[Share]:
        """Who may use it now."""
        return self._listed(share.c.resource == identifier)

    def of_department(self, department: str) -> list[Share]:
        """What the apps of this department may use now."""
        return self._listed(app.c.department == department)

    def terms(self, system: str) -> list[tuple[str, str, datetime | None]]:
        """(id, purpose, end) of everything that counts as shared of this system, also what has no end and should."""
        lasting = assignment.c.expires_at.is_(None) | (assignment.c.expires_at > self._clock())
        query = (
            sa.select(share.c.id, assignment.c.reason, assignment.c.expires_at)
            .join_from(share, assignment, assignment.c.id == share.c.id)
            .join(resource, (resource.c.resource == share.c.resource) & resource.c.ended_at.is_(None))
            .where(resource.c.system == system, assignment.c.revoked_at.is_(None), lasting)
        )
        with self._database.transaction() as connection:
            return [(row.id, row.reason, row.expires_at) for row in connection.execute(query)]

    def _listed(self, which: sa.ColumnElement[bool]) -> list[Share]:
        with self._database.transaction() as connection:
            return self._rows(connection, which)

    def _rows(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Share]:
        """The shares in force, newest first: not ended, not over, of a live app, of what is still published."""
        now = self._clock()
        query = (
            sa.select(
                share.c.id,
                share.c.resource,
                resource.c.name.label("resource_name"),
                resource.c.department,
                share.c.app,
                app.c.name.label("app_name"),
                app.c.department.label("app_department"),
                assignment.c.clearance,
                assignment.c.reason.label("purpose"),
                assignment.c.expires_at.label("until"),
                assignment.c.given_by.label("asked_by"),
                share.c.approved_by,
                assignment.c.given_at.label("at"),
                share.c.record,
            )
            .join_from(share, assignment, assignment.c.id == share.c.id)
            .join(app, app.c.id == share.c.app)
            .join(resource, (resource.c.resource == share.c.resource) & resource.c.ended_at.is_(None))
            .where(which, assignment.c.revoked_at.is_(None), assignment.c.expires_at > now)
            .where(app.c.ended_at.is_(None), app.c.expires_at > now)
        )
        rows = connection.execute(query.order_by(share.c.id.desc()).limit(2 * PER_RESOURCE)).mappings()
        return [Share(**row) for row in rows]
