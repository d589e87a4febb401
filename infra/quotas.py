"""Quotas out of the database: read, set, and held by whoever allocates."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from infra.errors import QuotaConflict
from infra.quota import RESOURCES, Size, Tree
from infra.store import Told, machine, quota
from storage import witness
from storage.database import Database


class Quotas:
    """Called from threads. `parents`: department → the one above it."""

    def __init__(self, database: Database, parents: Callable[[], Mapping[str, str]]) -> None:
        self._database, self.parents = database, parents

    def tree(self) -> Tree:
        """As it is now, for showing."""
        parents = self.parents()
        with self._database.transaction() as connection:
            return _read(connection, parents)

    @staticmethod
    def hold(connection: Connection, department: str, parents: Mapping[str, str]) -> Tree:
        """The tree, with every quota that `department` could draw on held to the end of the transaction.

        Whoever allocates there, or sets one of those quotas, waits; what he then reads is what we wrote.
        """
        chain = [department]
        while (above := parents.get(chain[-1])) and above not in chain:
            chain.append(above)
        mine = sa.select(quota.c.department).where(quota.c.department.in_(chain))
        connection.execute(mine.order_by(quota.c.department).with_for_update()).all()
        return _read(connection, parents)

    def set(self, department: str, size: Size, *, record: str, told: Told) -> Tree:
        """Give `department` this quota instead of the one it has; `told` takes what the row became.

        Raises QuotaConflict.
        """
        parents = self.parents()
        with self._database.transaction() as connection:
            tree = self.hold(connection, department, parents)
            if short := tree.conflicts(department, size):
                raise QuotaConflict(short, department=department)
            values = {**size._asdict(), "record": record}
            if department in tree.quotas:
                connection.execute(sa.update(quota).where(quota.c.department == department).values(values))
            else:
                connection.execute(sa.insert(quota).values({"department": department, **values}))
            became = witness.of(connection, quota, department)
        told.update([became])  # once it stands
        return self.tree()


def used_by(connection: Connection, column: sa.Column[Any]) -> dict[str, Size]:
    """What machines that are not deleted take, summed by a column of theirs."""
    sums = [sa.func.sum(machine.c[name]).label(name) for name in RESOURCES]
    rows = connection.execute(sa.select(column, *sums).where(machine.c.state != "deleted").group_by(column))
    return {row[0]: Size(*map(int, row[1:])) for row in rows}


def _read(connection: Connection, parents: Mapping[str, str]) -> Tree:
    rows = connection.execute(sa.select(quota)).mappings()
    quotas = {row["department"]: Size(*(row[name] for name in RESOURCES)) for row in rows}
    return Tree(parents=parents, quotas=quotas, used=used_by(connection, machine.c.department))
