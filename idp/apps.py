"""Apps: the programs of a department, each with a key whose secret is shown once. Nobody else reads or writes `app`."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto.aead import Sealer
from idp.directory import hold_department
from idp.errors import AppPausedSince, AppUnknown, LimitReached
from idp.store import app
from storage.act import Act
from storage.database import Database
from storage.epoch import EpochSource

PER_DEPARTMENT = 100  # apps at once
LIFETIME = timedelta(days=366)  # then there is a new app, with a new secret


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app as its department sees it."""

    id: str  # "app:01J…"
    department: str
    name: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    record: str
    ended_by: str | None
    ended_at: datetime | None
    end_record: str | None
    paused_by: str | None = None
    paused_at: datetime | None = None
    pause_record: str | None = None


_COLUMNS = [app.c[name] for name in App.__dataclass_fields__]


class Apps:
    """Issues, ends and lists apps. Called from threads."""

    def __init__(
        self,
        database: Database,
        seal: Sealer,
        *,
        epochs: EpochSource,
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        self._database, self._seal, self._epochs = database, seal, epochs
        self._clock, self._mint = clock, mint

    def create(self, name: str, act: Act) -> tuple[App, str]:
        """Make an app of the act's department; return it and its secret, which cannot be shown again.

        Raises LimitReached.
        """
        new = App(
            id=f"app:{self._mint()}", department=act.department, name=name, created_by=act.actor, created_at=act.at,
            expires_at=act.at + LIFETIME, record=act.record, ended_by=None, ended_at=None, end_record=None,
        )  # fmt: skip
        secret = f"cg_app_{secrets.token_urlsafe(32)}"  # "cg_": no record ever shows it
        sealed = self._seal.seal(secret.encode(), purpose=seal_purpose(new.id))
        with self._database.transaction() as connection:
            hold_department(connection, act.department)  # one after the other, so that they are counted
            live = sa.select(sa.func.count()).where(app.c.department == act.department, is_live(self._clock()))
            if connection.execute(live).scalar_one() >= PER_DEPARTMENT:
                raise LimitReached(f"{PER_DEPARTMENT} apps in `{act.department}`")
            values = {name: getattr(new, name) for name in App.__dataclass_fields__}
            connection.execute(sa.insert(app).values(sealed=sealed, **values))
            act.witness(connection, app, new.id)
        return new, secret

    def end(self, identifier: str, act: Act) -> tuple[App, int]:
        """End an app of the act's department; return it as it was, and the epoch from which no gateway takes its key.

        Raises AppUnknown.
        """
        return self._change(identifier, act, {"ended_by": act.actor, "ended_at": act.at, "end_record": act.record})

    def pause(self, identifier: str, act: Act) -> tuple[App, int]:
        """Let no gateway take the key of an app of the act's department until it is resumed.

        Returns the app as it was, and the epoch from which that holds. Raises AppUnknown.
        """
        return self._change(identifier, act, {"paused_by": act.actor, "paused_at": act.at, "pause_record": act.record})

    def resume(self, identifier: str, act: Act) -> tuple[App, int]:
        """Let gateways take the key of a paused app again.

        Returns and raises as `pause` does, and AppPausedSince: an approval is of the pause that its asker saw.
        """
        values = {"paused_by": None, "paused_at": None, "pause_record": act.record}
        return self._change(identifier, act, values, asked_under=act.request or act.record)

    def name_of(self, identifier: str) -> str:
        """Return what a live app is called, or "" where there is none of this id."""
        try:
            with self._database.transaction() as connection:
                return find_live_app(connection, identifier, at=self._clock()).name
        except AppUnknown:
            return ""

    def list_live(self, departments: Iterable[str]) -> list[App]:
        """Return the live apps of these departments, newest first, as many as a page takes."""
        theirs = sa.select(*_COLUMNS).where(app.c.department.in_(sorted(departments)), is_live(self._clock()))
        with self._database.transaction() as connection:
            rows = connection.execute(theirs.order_by(app.c.id.desc()).limit(PER_DEPARTMENT)).mappings()
            return [App(**row) for row in rows]

    def _change(
        self, identifier: str, act: Act, values: Mapping[str, object], *, asked_under: str = ""
    ) -> tuple[App, int]:
        """Write `values` into a live app of the act's department, and have every gateway look it up again.

        With `asked_under`, the id of a record, raises AppPausedSince where a later record paused or resumed the app.
        """
        with self._database.transaction() as connection:
            before = find_live_app(connection, identifier, at=self._clock(), hold=True)
            if before.department != act.department:
                raise AppUnknown(identifier)
            if asked_under and (before.pause_record or "") > asked_under:  # ids of records are in order of time
                raise AppPausedSince(identifier)
            connection.execute(sa.update(app).where(app.c.id == identifier).values(values))
            act.witness(connection, app, identifier)
            return before, self._epochs.bump(connection, [("subject", identifier)])


def find_live_app(connection: Connection, identifier: str, *, at: datetime, hold: bool = False) -> App:
    """Return the app; with `hold` nobody else changes it until the transaction ends. Raises AppUnknown."""
    query = sa.select(*_COLUMNS).where(app.c.id == identifier.replace("\0", "\ufffd"), is_live(at))
    row = connection.execute(query.with_for_update() if hold else query).mappings().one_or_none()
    if row is None:
        raise AppUnknown(identifier)
    return App(**row)


def live_apps(at: datetime) -> sa.Subquery:
    """Return the live apps as something to join with: `id`, `name`, `department`."""
    return sa.select(app.c.id, app.c.name, app.c.department).where(is_live(at)).subquery("live_app")


def is_live(at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that an app is neither ended nor expired at that moment."""
    return app.c.ended_at.is_(None) & (app.c.expires_at > at)


def has_valid_key(at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition under which a request that an app signed is believed."""
    return is_live(at) & app.c.paused_at.is_(None)


def seal_purpose(subject: str) -> str:
    """Return what the secret of this app is sealed for: one app's never opens as another's."""
    return f"app key {subject}"
