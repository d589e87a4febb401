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
from authz.store import role, rule
from catalogue.errors import CatalogueFull, NotServed, ResourceUnknown
from catalogue.store import DESCRIBED, resource
from idp.store import department as department_table
from storage import witness
from storage.database import Database
from storage.epoch import EpochSource

PAGE = 50
PER_DEPARTMENT = 2000  # resources at once
QUERY_CHARS = 64
_TERMS = 5
Told = dict[str, str | int]  # what the outcome record will say


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
    """The role that reads this resource."""
    return READER + identifier.lower()


class Resources:
    """The catalogue. Called from threads; what is written is told into `told`, for the outcome record."""

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

    def publish(
        self,
        described: Mapping[str, str],
        *,
        department: str,
        system: str,
        path: str,
        actor: str,
        record: str,
        told: Told,
    ) -> tuple[Resource, int]:
        """Publish what `path` of `system` gives, described by the nine fields; return it and its epoch.

        Raises NotServed, PolicyInvalid, CatalogueFull.
        """
        label = self._label_of(department, system, path)
        if label is None:
            raise NotServed(f"{department}: /{system}{path}")
        identifier = self._mint()
        made = self._version(
            described, actor=actor, record=record,
            of={"resource": identifier, "department": department, "system": system, "path": path, "label": int(label)},
        )  # fmt: skip
        opened = OpenPath(role=reader_of(identifier), department=department, system=system, path=path, name=made.name)
        with self._database.transaction() as connection:
            hold(connection, department)  # one after the other, so that they are counted
            live = sa.select(sa.func.count()).where(resource.c.department == department, resource.c.ended_at.is_(None))
            if connection.execute(live).scalar_one() >= PER_DEPARTMENT:
                raise CatalogueFull(f"{PER_DEPARTMENT} resources of `{department}`")
            _insert(connection, made)
            rules = open_path(connection, opened, record=record)
            told.update(witness.of(connection, rule, one) for one in rules)
            told.update([witness.of(connection, role, opened.role), witness.of(connection, resource, made.id)])
            return made, self._epochs.bump(connection, [("policy", opened.role)])

    def renew(
        self, identifier: str, described: Mapping[str, str], *, department: str, actor: str, record: str, told: Told
    ) -> Resource:
        """Publish its next version; who reads it stays the same. Raises ResourceUnknown."""
        with self._database.transaction() as connection:
            before = self._end(connection, identifier, department=department, actor=actor, record=record)
            of = {name: getattr(before, name) for name in ("resource", "department", "system", "path", "label")}
            made = self._version(described, actor=actor, record=record, of=of)
            _insert(connection, made)
            told.update(witness.of(connection, resource, one.id) for one in (before, made))
            return made

    def withdraw(
        self, identifier: str, *, department: str, actor: str, record: str, told: Told
    ) -> tuple[Resource, int]:
        """Take it out of the catalogue: nobody it was shared to reads it any more. Raises ResourceUnknown."""
        with self._database.transaction() as connection:
            over = self._end(connection, identifier, department=department, actor=actor, record=record)
            told.update(witness.gone(rule, one) for one in close_path(connection, reader_of(identifier)))
            told.update([witness.of(connection, resource, over.id)])
            return over, self._epochs.bump(connection, [("policy", reader_of(identifier))])

    def find(self, identifier: str) -> Resource:
        """The current version. Raises ResourceUnknown."""
        with self._database.transaction() as connection:
            return current(connection, identifier)

    def versions(self, identifier: str) -> list[Resource]:
        """All of them, newest first, at most a page."""
        theirs = sa.select(resource).where(resource.c.resource == _text(identifier))
        with self._database.transaction() as connection:
            rows = connection.execute(theirs.order_by(resource.c.published_at.desc()).limit(PAGE)).mappings()
            return [Resource(**row) for row in rows]

    def search(self, text: str = "", *, before: str = "") -> list[Resource]:
        """At most a page of resources with each of the words in their name or description, newest first.

        `before`: the last resource of the page before.
        """
        query = sa.select(resource).where(resource.c.ended_at.is_(None))
        if before:
            query = query.where(resource.c.resource < _text(before))
        for term in normalize("NFC", _text(text)[:QUERY_CHARS]).split()[:_TERMS]:
            found = (column.icontains(term, autoescape=True) for column in (resource.c.name, resource.c.description))
            query = query.where(sa.or_(*found))
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(resource.c.resource.desc()).limit(PAGE)).mappings()
            return [Resource(**row) for row in rows]

    def _version(self, described: Mapping[str, str], *, actor: str, record: str, of: dict[str, Any]) -> Resource:
        values: dict[str, Any] = {name: described[name] for name in DESCRIBED} | of
        return Resource(
            id=self._mint(), published_by=actor, published_at=self._clock(), record=record,
            ended_by=None, ended_at=None, end_record=None, **values,
        )  # fmt: skip

    def _end(self, connection: Connection, identifier: str, *, department: str, actor: str, record: str) -> Resource:
        found = current(connection, identifier, held=True)
        if found.department != department:
            raise ResourceUnknown(identifier)
        ended = {"ended_by": actor, "ended_at": self._clock(), "end_record": record}
        connection.execute(sa.update(resource).where(resource.c.id == found.id).values(ended))
        return found


def current(connection: Connection, identifier: str, *, held: bool = False) -> Resource:
    """The current version; `held`: nobody else changes it until the transaction ends. Raises ResourceUnknown."""
    query = sa.select(resource).where(resource.c.resource == _text(identifier), resource.c.ended_at.is_(None))
    row = connection.execute(query.with_for_update() if held else query).mappings().one_or_none()
    if row is None:
        raise ResourceUnknown(identifier)
    return Resource(**row)


def hold(connection: Connection, department_id: str) -> None:
    """Nobody else adds to what this department has until the transaction ends."""
    connection.execute(sa.select(department_table.c.id).where(department_table.c.id == department_id).with_for_update())


def _insert(connection: Connection, made: Resource) -> None:
    columns = {name: getattr(made, name) for name in Resource.__dataclass_fields__}
    connection.execute(sa.insert(resource).values(columns))


def _text(asked: str) -> str:
    return asked.replace("\0", "\ufffd")  # PostgreSQL's texts have no NUL, so nothing is called so
