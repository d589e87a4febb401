"""Information resources: published by the department that owns them, found by everybody who works for the city.

A resource keeps its id, owner, path and label; a version replaces how it is described. Nobody types the label: it is
the one its path has at the door.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import normalize

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.administer import READER
from authz.label import Label
from authz.open_path import OpenPath, close_path, open_path
from catalogue.description import DESCRIBED
from catalogue.errors import NotServed, ResourceUnknown
from catalogue.store import resource
from idp.directory import hold_department
from idp.errors import LimitReached
from storage.act import Act
from storage.database import Database
from storage.epoch import EpochSource

PAGE = 50
PER_DEPARTMENT = 2000  # resources at once
QUERY_CHARS = 64
_TERMS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One version of a resource, as it stands in the catalogue."""

    id: str  # of this version
    resource: str  # of the resource: the same in all its versions
    department: str
    system: str
    path: str
    label: int
    name: str
    produced: str  # a day, "2026-03-01"
    publisher: str
    category: str
    version: str
    description: str
    carrier: str
    form: str
    location: str
    published_by: str
    published_at: datetime
    record: str
    ended_by: str | None
    ended_at: datetime | None
    end_record: str | None


def reader_of(identifier: str) -> str:
    """Return the name of the role that reads this resource."""
    return READER + identifier.lower()


class Resources:
    """The catalogue. Called from threads."""

    def __init__(
        self,
        database: Database,
        *,
        epochs: EpochSource,
        label_of: Callable[[str, str, str], Label | None],
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        """`label_of(department, system, path)`: the label of what a route of this department serves for reading."""
        self._database, self._epochs, self._label_of = database, epochs, label_of
        self._clock, self._mint = clock, mint

    def publish(self, description: Mapping[str, str], act: Act, *, system: str, path: str) -> tuple[Resource, int]:
        """Publish what `path` of `system` gives, described by the nine fields; return it and its epoch.

        Raises NotServed, PolicyInvalid, LimitReached.
        """
        department = act.department
        label = self._label_of(department, system, path)
        if label is None:
            raise NotServed(f"{department}: /{system}{path}")
        identifier = self._mint()
        constant = {"resource": identifier, "department": department, "system": system, "path": path}
        new = self._version(description, act, of=constant | {"label": int(label)})
        role = reader_of(identifier)
        with self._database.transaction() as connection:
            hold_department(connection, department)  # one after the other, so that they are counted
            live = sa.select(sa.func.count()).where(resource.c.department == department, resource.c.ended_at.is_(None))
            if connection.execute(live).scalar_one() >= PER_DEPARTMENT:
                raise LimitReached(f"{PER_DEPARTMENT} resources of `{department}`")
            _insert(connection, new)
            open_path(
                connection, OpenPath(role=role, department=department, system=system, path=path, name=new.name), act
            )
            act.witness(connection, resource, new.id)
            return new, self._epochs.bump(connection, [("policy", role)])

    def renew(self, identifier: str, description: Mapping[str, str], act: Act) -> Resource:
        """Publish its next version and return it; who reads it stays the same. Raises ResourceUnknown."""
        with self._database.transaction() as connection:
            before = self._end(connection, identifier, act)
            constant = {name: getattr(before, name) for name in ("resource", "department", "system", "path", "label")}
            new = self._version(description, act, of=constant)
            _insert(connection, new)
            act.witness(connection, resource, before.id, new.id)
            return new

    def withdraw(self, identifier: str, act: Act) -> tuple[Resource, int]:
        """Take it out of the catalogue: from the epoch returned nobody it was shared to reads it any more.

        Raises ResourceUnknown.
        """
        with self._database.transaction() as connection:
            last = self._end(connection, identifier, act)
            close_path(connection, reader_of(identifier), act)
            act.witness(connection, resource, last.id)
            return last, self._epochs.bump(connection, [("policy", reader_of(identifier))])

    def find(self, identifier: str) -> Resource:
        """Return the current version. Raises ResourceUnknown."""
        with self._database.transaction() as connection:
            return current_version(connection, identifier)

    def versions(self, identifier: str) -> list[Resource]:
        """Return all versions of a resource, newest first, at most a page."""
        theirs = sa.select(resource).where(resource.c.resource == _text(identifier))
        with self._database.transaction() as connection:
            rows = connection.execute(theirs.order_by(resource.c.published_at.desc()).limit(PAGE)).mappings()
            return [Resource(**row) for row in rows]

    def search(self, text: str = "", *, before: str = "") -> list[Resource]:
        """Return at most a page of resources with each of the words in their name or description, newest first.

        `before`: the last resource of the page before.
        """
        query = sa.select(resource).where(resource.c.ended_at.is_(None))
        if before:
            query = query.where(resource.c.resource < _text(before))
        for term in normalize("NFC", _text(text)[:QUERY_CHARS]).split()[:_TERMS]:
            texts = (resource.c.name, resource.c.description)
            query = query.where(sa.or_(*(column.icontains(term, autoescape=True) for column in texts)))
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(resource.c.resource.desc()).limit(PAGE)).mappings()
            return [Resource(**row) for row in rows]

    def _version(self, description: Mapping[str, str], act: Act, *, of: dict[str, Any]) -> Resource:
        """A version that stands from now on; `of`: what no version of the resource changes."""
        values: dict[str, Any] = {name: description[name] for name in DESCRIBED} | of
        return Resource(
            id=self._mint(), published_by=act.actor, published_at=act.at, record=act.record,
            ended_by=None, ended_at=None, end_record=None, **values,
        )  # fmt: skip

    @staticmethod
    def _end(connection: Connection, identifier: str, act: Act) -> Resource:
        last = current_version(connection, identifier, hold=True)
        if last.department != act.department:
            raise ResourceUnknown(identifier)
        ended = {"ended_by": act.actor, "ended_at": act.at, "end_record": act.record}
        connection.execute(sa.update(resource).where(resource.c.id == last.id).values(ended))
        return last


def current_version(connection: Connection, identifier: str, *, hold: bool = False) -> Resource:
    """Return the version that stands; with `hold` nobody else changes it until the transaction ends.

    Raises ResourceUnknown.
    """
    query = sa.select(resource).where(resource.c.resource == _text(identifier), resource.c.ended_at.is_(None))
    row = connection.execute(query.with_for_update() if hold else query).mappings().one_or_none()
    if row is None:
        raise ResourceUnknown(identifier)
    return Resource(**row)


def _insert(connection: Connection, new: Resource) -> None:
    columns = {name: getattr(new, name) for name in Resource.__dataclass_fields__}
    connection.execute(sa.insert(resource).values(columns))


def _text(text: str) -> str:
    return text.replace("\0", "\ufffd")  # PostgreSQL's texts have no NUL, so nothing is called so
