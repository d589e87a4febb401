"""Shares: an app of one department reads a resource of another, for a purpose, until a date.

The asker asks, the owner's administrator approves at the door; what is then given is an ordinary role assignment, whose
date the PDP looks at with every request. No job has to run for a share to be over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.errors import AlreadyHeld, AssignmentUnknown
from authz.label import Label
from authz.open_path import PathReader, add_reader, readers_at, remove_reader
from catalogue.errors import AlreadyShared, ResourceUnknown, ShareUnknown
from catalogue.resource import current_version, reader_of
from catalogue.store import resource, share
from idp.apps import find_live_app, live_apps
from idp.errors import AppUnknown, LimitReached
from storage.act import Act
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
class ShareRequest:
    """Which app shall read which resource, for what, and until when."""

    resource: str
    app: str
    purpose: str
    until: datetime


class Shares:
    """Gives and ends shares. Called from threads."""

    def __init__(
        self, database: Database, *, epochs: EpochSource, clock: Callable[[], datetime], mint: Callable[[], str]
    ) -> None:
        self._database, self._epochs, self._clock, self._mint = database, epochs, clock, mint

    def give(self, wanted: ShareRequest, act: Act, *, speaks_for: Callable[[str], bool]) -> tuple[Share, int]:
        """Let the app read a resource of the act's department; return the share, and the epoch from which it counts.

        `speaks_for(department)`: may whoever asks ask for its apps?
        Raises ResourceUnknown, AppUnknown, AlreadyShared, LimitReached.
        """
        with self._database.transaction() as connection:
            version = current_version(connection, wanted.resource, hold=True)
            app = find_live_app(connection, wanted.app, at=self._clock(), hold=True)
            if not speaks_for(app.department):
                raise AppUnknown(wanted.app)
            if version.department != act.department:
                raise ResourceUnknown(wanted.resource)
            if len(self._in_force(connection, share.c.resource == wanted.resource)) >= PER_RESOURCE:
                raise LimitReached(f"{PER_RESOURCE} shares of `{wanted.resource}`")
            identifier = self._insert(connection, wanted, act, clearance=Label(version.label))
            (new,) = self._in_force(connection, share.c.id == identifier)
            return new, self._epochs.bump(connection, [("subject", wanted.app)])

    def _insert(self, connection: Connection, wanted: ShareRequest, act: Act, *, clearance: Label) -> str:
        reader = PathReader(
            id=self._mint(), subject=wanted.app, role=reader_of(wanted.resource), department=act.department,
            clearance=clearance, purpose=wanted.purpose, until=wanted.until,
        )  # fmt: skip
        try:
            add_reader(connection, reader, act)
        except AlreadyHeld as same:
            raise AlreadyShared(f"`{wanted.app}` may use `{wanted.resource}`") from same
        row = {"id": reader.id, "resource": wanted.resource, "app": wanted.app}
        connection.execute(sa.insert(share).values(row | {"approved_by": act.approver, "record": act.record}))
        act.witness(connection, share, reader.id)
        return reader.id

    def end_as_owner(self, identifier: str, act: Act, *, resource: str) -> tuple[Share, int]:
        """End, before its time, a share of this resource, which the act's department owns. Raises ShareUnknown.

        Returns the share as it was, and the epoch from which the app reads nothing by it.
        """
        return self._end(identifier, act, lambda it: (it.department, it.resource) == (act.department, resource))

    def end_as_user(self, identifier: str, act: Act, *, app: str) -> tuple[Share, int]:
        """End, before its time, a share that this app of the act's department uses. Otherwise as `end_as_owner`."""
        return self._end(identifier, act, lambda it: (it.app_department, it.app) == (act.department, app))

    def _end(self, identifier: str, act: Act, is_theirs: Callable[[Share], bool]) -> tuple[Share, int]:
        with self._database.transaction() as connection:
            rows = self._in_force(connection, share.c.id == identifier.replace("\0", "\ufffd"))
            if not rows or not is_theirs(rows[0]):
                raise ShareUnknown(identifier)
            try:
                remove_reader(connection, identifier, act)
            except AssignmentUnknown as gone:
                raise ShareUnknown(identifier) from gone
            return rows[0], self._epochs.bump(connection, [("subject", rows[0].app)])

    def list_by_resource(self, identifier: str) -> list[Share]:
        """Return who may use it now."""
        with self._database.transaction() as connection:
            return self._in_force(connection, share.c.resource == identifier)

    def list_by_department(self, department: str) -> list[Share]:
        """Return what the apps of this department may use now."""
        with self._database.transaction() as connection:
            return self._in_force(connection, sa.true(), department=department)

    def terms(self, system: str) -> list[tuple[str, str, datetime | None]]:
        """Return (id, purpose, end) of all that counts as shared of this system, also what has no end and should."""
        reader = readers_at(self._clock())
        query = (
            sa.select(share.c.id, reader.c.purpose, reader.c.until)
            .join_from(share, reader, reader.c.id == share.c.id)
            .join(resource, (resource.c.resource == share.c.resource) & resource.c.ended_at.is_(None))
            .where(resource.c.system == system)
        )
        with self._database.transaction() as connection:
            return [(row.id, row.purpose, row.until) for row in connection.execute(query)]

    def _in_force(self, connection: Connection, which: sa.ColumnElement[bool], *, department: str = "") -> list[Share]:
        """The shares in force, newest first: not ended, not over, of a live app, of what is still published.

        `department`: only of its apps.
        """
        now = self._clock()
        reader, app = readers_at(now), live_apps(now)
        query = (
            sa.select(
                share.c.id,
                share.c.resource,
                resource.c.name.label("resource_name"),
                resource.c.department,
                share.c.app,
                app.c.name.label("app_name"),
                app.c.department.label("app_department"),
                reader.c.clearance,
                reader.c.purpose,
                reader.c.until,
                reader.c.added_by.label("asked_by"),
                share.c.approved_by,
                reader.c.added_at.label("at"),
                share.c.record,
            )
            .join_from(share, reader, reader.c.id == share.c.id)
            .join(app, app.c.id == share.c.app)
            .join(resource, (resource.c.resource == share.c.resource) & resource.c.ended_at.is_(None))
            .where(which, reader.c.until.is_not(None))
        )
        if department:
            query = query.where(app.c.department == department)
        rows = connection.execute(query.order_by(share.c.id.desc()).limit(2 * PER_RESOURCE)).mappings()
        return [Share(**row) for row in rows]
