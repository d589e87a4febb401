"""A city's database with a tree of departments and people in it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from idp import store
from idp.directory import Directory
from storage.database import Database, metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
TREE = {"city": None, "civil": "city", "civil-registry": "civil", "housing": "city"}


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def add(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class CityWithPeople:
    """The database and its clock; ids are numbers in order."""

    url: str
    database: Database
    directory: Directory
    clock: Clock = field(default_factory=Clock)
    _numbers: Iterator[int] = field(default_factory=count)

    def mint(self) -> str:
        return f"id-{next(self._numbers):06d}"

    def add(self, *names: str, department: str | None = "civil", ids: Iterable[str] = ()) -> list[str]:
        """People of these names; their ids, given or "user:NAME"."""
        identifiers = list(ids) or [f"user:{name}" for name in names]
        rows = [
            {
                "id": one,
                "iss": "local",
                "sub": one,
                "login": one.partition(":")[2],
                "name": name,
                "department": department,
                "not_before": NOW,
                "record": "founding",
            }
            for one, name in zip(identifiers, names, strict=True)
        ]
        with self.database.transaction() as connection:
            connection.execute(sa.insert(store.person), rows)
        return identifiers

    def rows(self, table: sa.Table) -> list[dict]:
        with self.database.transaction() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    def bytes_at_rest(self) -> bytes:
        """Everything of the database on the disk, or, where that is not ours, in its tables."""
        if self.url.startswith("sqlite"):
            path = Path(self.url.partition("///")[2])
            return b"".join(one.read_bytes() for one in path.parent.iterdir() if one.name.startswith(path.name))
        with self.database.transaction() as connection:
            rows = [row for table in metadata.sorted_tables for row in connection.execute(sa.select(table))]
        return b"\n".join(one if isinstance(one, bytes) else str(one).encode() for row in rows for one in row)


@contextmanager
def city_with_people(url: str) -> Iterator[CityWithPeople]:
    database = Database(url)
    database.migrate()
    with database.transaction() as connection:
        for name, parent in TREE.items():
            connection.execute(sa.insert(store.department).values(id=name, parent=parent, name_zh=name, name_en=name))
    yield CityWithPeople(
        url, database, Directory(database, issuers={"http://login.localhost:8080/realms/city": "local"})
    )
    database.close()
