"""Quotas out of the database: read, set, and held by whoever allocates."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from infra.errors import QuotaConflict
from infra.quota import RESOURCES, QuotaTree, Size
from infra.store import machine, quota
from storage.act import Act
from storage.database import Database


class Quotas:
    """Called from threads. `parents`: department → the one above it."""

    def __init__(self, database: Database, parents: Callable[[], Mapping[str, str]]) -> None:
        self._database, self.parents = database, parents

    def tree(self) -> QuotaTree:
        """Return the tree as it is now, for showing."""
        parents = self.parents()
        with self._database.transaction() as connection:
            return _read(connection, parents)

    @staticmethod
    def hold(connection: Connection, department: str, parents: Mapping[str, str]) -> QuotaTree:
        """Return the tree, with every quota that `department` could draw on held to the end of the transaction.

        Whoever allocates there, or sets one of those quotas, waits; what he then reads is what we wrote.
        """
        chain = [department]
        while (above := parents.get(chain[-1])) and above not in chain:
            chain.append(above)
        mine = sa.select(quota.c.department).where(quota.c.department.in_(chain))
        connection.execute(mine.order_by(quota.c.department).with_for_update()).all()
        return _read(connection, parents)

    def set(self, department: str, size: Size, act: Act) -> QuotaTree:
        """Give `department` this quota instead of the one it has; return the tree then. Raises QuotaConflict."""
        parents = self.parents()
        with self._database.transaction() as connection:
            tree = self.hold(connection, department, parents)
            if shortages := tree.conflicts(department, size):
                raise QuotaConflict(shortages, department=department)
            values = {**size._asdict(), "record": act.record}
            if department in tree.quotas:
                connection.execute(sa.update(quota).where(quota.c.department == department).values(values))
            else:
                connection.execute(sa.insert(quota).values({"department": department, **values}))
            act.witness(connection, quota, department)
        return self.tree()


def usage_by(connection: Connection, column: sa.Column[Any]) -> dict[str, Size]:
    """Return what machines that are not deleted take, summed by a column of theirs."""
    sums = [sa.func.sum(machine.c[name]).label(name) for name in RESOURCES]
    rows = connection.execute(sa.select(column, *sums).where(machine.c.state != "deleted").group_by(column))
    return {row[0]: Size(*map(int, row[1:])) for row in rows}


def _read(connection: Connection, parents: Mapping[str, str]) -> QuotaTree:
    rows = connection.execute(sa.select(quota)).mappings()
    quotas = {row["department"]: Size(*(row[name] for name in RESOURCES)) for row in rows}
    return QuotaTree(parents=parents, quotas=quotas, used=usage_by(connection, machine.c.department))
