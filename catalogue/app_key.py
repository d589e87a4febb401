"""Apps: the programs of a department, each with a key whose secret is shown once."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.errors import AppUnknown, CatalogueFull
from catalogue.resource import Told, hold
from crypto.aead import Sealer
from idp.app_key import purpose
from idp.store import app
from storage import witness
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

    def is_live(self, at: datetime) -> bool:
        """Whether its key is taken at that moment."""
        return self.ended_at is None and at < self.expires_at


_COLUMNS = [app.c[name] for name in App.__dataclass_fields__]


class Apps:
    """Issues and ends app keys. Called from threads; what is written is told into `told`."""

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

    def create(self, name: str, *, department_id: str, actor: str, record: str, told: Told) -> tuple[App, str]:
        """A new app and its secret, which cannot be shown again. Raises CatalogueFull."""
        now = self._clock()
        made = App(
            id=f"app:{self._mint()}", department=department_id, name=name, created_by=actor, created_at=now,
            expires_at=now + LIFETIME, record=record, ended_by=None, ended_at=None, end_record=None,
        )  # fmt: skip
        secret = f"cg_app_{secrets.token_urlsafe(32)}"  # "cg_": no record ever shows it
        sealed = self._seal.seal(secret.encode(), purpose=purpose(made.id))
        with self._database.transaction() as connection:
            hold(connection, department_id)  # one after the other, so that they are counted
            live = sa.select(sa.func.count()).where(app.c.department == department_id, _live(now))
            if connection.execute(live).scalar_one() >= PER_DEPARTMENT:
                raise CatalogueFull(f"{PER_DEPARTMENT} apps in `{department_id}`")
            values = {name: getattr(made, name) for name in App.__dataclass_fields__}
            connection.execute(sa.insert(app).values(sealed=sealed, **values))
            told.update([witness.of(connection, app, made.id)])
        return made, secret

    def end(self, identifier: str, *, department_id: str, actor: str, record: str, told: Told) -> tuple[App, int]:
        """No gateway takes its key from this epoch on. Raises AppUnknown."""
        with self._database.transaction() as connection:
            found = find(connection, identifier, at=self._clock(), held=True)
            if found.department != department_id:
                raise AppUnknown(identifier)
            ended = {"ended_by": actor, "ended_at": self._clock(), "end_record": record}
            connection.execute(sa.update(app).where(app.c.id == identifier).values(ended))
            told.update([witness.of(connection, app, identifier)])
            return found, self._epochs.bump(connection, [("subject", identifier)])

    def name(self, identifier: str) -> str:
        """What a live app is called, or ""."""
        try:
            with self._database.transaction() as connection:
                return find(connection, identifier, at=self._clock()).name
        except AppUnknown:
            return ""

    def of(self, departments: Iterable[str]) -> list[App]:
        """The live apps of these departments, newest first, as many as a page takes."""
        theirs = sa.select(*_COLUMNS).where(app.c.department.in_(sorted(departments)), _live(self._clock()))
        with self._database.transaction() as connection:
            rows = connection.execute(theirs.order_by(app.c.id.desc()).limit(PER_DEPARTMENT)).mappings()
            return [App(**row) for row in rows]


def find(connection: Connection, identifier: str, *, at: datetime, held: bool = False) -> App:
    """The live app; `held`: nobody else ends it until the transaction does. Raises AppUnknown."""
    query = sa.select(*_COLUMNS).where(app.c.id == identifier.replace("\0", "\ufffd"), _live(at))
    row = connection.execute(query.with_for_update() if held else query).mappings().one_or_none()
    if row is None:
        raise AppUnknown(identifier)
    return App(**row)


def _live(at: datetime) -> sa.ColumnElement[bool]:
    """`App.is_live` as a condition."""
    return app.c.ended_at.is_(None) & (app.c.expires_at > at)
