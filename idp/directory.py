"""The directory: people by issuer and sub, departments as a tree. Names live here and in no record."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from idp.errors import PersonUnknown
from idp.store import department, person
from storage.database import Database

PAGE_PEOPLE = 50
_NUL = "\0"  # PostgreSQL's texts have none, so nobody is called so


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A node of the tree; the root has no parent."""

    id: str
    parent: str | None
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can sign in. `id` is the subject of decisions and records: "user:01J…"."""

    id: str
    iss: str
    sub: str
    login: str
    name: str
    department: str | None  # None for citizens
    not_before: datetime  # sign-ins before this moment no longer count
    record: str


class Directory:
    """Reads people and departments. Called from threads."""

    def __init__(self, database: Database, *, issuers: Mapping[str, str] | None = None) -> None:
        """`issuers`: the name an issuer's URL goes by in the directory, where its address may move."""
        self._database, self._issuers = database, issuers or {}

    def departments(self) -> Mapping[str, Department]:
        """The whole tree by id."""
        with self._database.transaction() as connection:
            columns = (department.c[name] for name in Department.__dataclass_fields__)
            rows = connection.execute(sa.select(*columns).order_by(department.c.id)).mappings()
            return {row["id"]: Department(**row) for row in rows}

    def person(self, identifier: str) -> Person:
        """The person with this id. Raises PersonUnknown."""
        if _NUL in identifier:
            raise PersonUnknown
        return self._one(person.c.id == identifier)

    def person_of(self, *, iss: str, sub: str) -> Person:
        """The person an issuer vouches for. Raises PersonUnknown."""
        return self._one((person.c.iss == self._issuers.get(iss, iss)) & (person.c.sub == sub))

    def names(self, identifiers: Iterable[str]) -> Mapping[str, str]:
        """Names for display; unknown ids are left out."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                sa.select(person.c.id, person.c.name).where(person.c.id.in_(sorted(set(identifiers))))
            )
            return {row.id: row.name for row in rows}

    def ids_of_name(self, text: str) -> tuple[str, ...]:
        """Ids of people whose name or login is exactly `text`, at most one page."""
        if _NUL in (text := normal(text)):
            return ()
        query = sa.select(person.c.id).where((person.c.name == text) | (person.c.login == text))
        with self._database.transaction() as connection:
            return tuple(connection.execute(query.limit(PAGE_PEOPLE)).scalars())

    def people(self, inside: Iterable[str], *, starts: str = "", after: tuple[str, str] = ("", "")) -> list[Person]:
        """At most PAGE_PEOPLE people of the given departments, by name then id, after the keyset (name, id)."""
        query = sa.select(person).where(
            person.c.department.in_(sorted(inside)), sa.tuple_(person.c.name, person.c.id) > sa.tuple_(*after)
        )
        if _NUL in (starts := normal(starts)):
            return []
        if starts:
            query = query.where(
                person.c.name.istartswith(starts, autoescape=True) | person.c.login.istartswith(starts, autoescape=True)
            )
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(person.c.name, person.c.id).limit(PAGE_PEOPLE)).mappings()
            return [Person(**row) for row in rows]

    @staticmethod
    def hold(connection: Connection, identifier: str) -> datetime:
        """Let nobody else change this person or begin something for her until the transaction ends.

        Returns since when sign-ins count. Raises PersonUnknown.
        """
        mine = sa.select(person.c.not_before).where(person.c.id == identifier).with_for_update()
        not_before: datetime | None = connection.execute(mine).scalar_one_or_none() if _NUL not in identifier else None
        if not_before is None:
            raise PersonUnknown
        return not_before

    def sign_out_everywhere(self, connection: Connection, identifier: str, *, at: datetime) -> None:
        """From now on only sign-ins after `at` count for this person."""
        connection.execute(sa.update(person).where(person.c.id == identifier).values(not_before=at))

    def _one(self, condition: sa.ColumnElement[bool]) -> Person:
        with self._database.transaction() as connection:
            row = connection.execute(sa.select(person).where(condition)).mappings().one_or_none()
        if row is None:
            raise PersonUnknown
        return Person(**row)


def hold_department(connection: Connection, identifier: str) -> None:
    """Let nobody else add to what this department has until the transaction ends."""
    connection.execute(sa.select(department.c.id).where(department.c.id == identifier).with_for_update())


def normal(text: str) -> str:
    """The form in which names are stored and looked for (Unicode NFC)."""
    return unicodedata.normalize("NFC", text)


def subtree(departments: Mapping[str, Department], root: str) -> frozenset[str]:
    """`root` and every department below it."""
    children: dict[str | None, list[str]] = {}
    for node in departments.values():
        children.setdefault(node.parent, []).append(node.id)
    inside, waiting = set[str](), [root] if root in departments else []
    while waiting:
        inside.add(node_id := waiting.pop())
        waiting.extend(child for child in children.get(node_id, ()) if child not in inside)
    return frozenset(inside)
