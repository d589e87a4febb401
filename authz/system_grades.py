"""The grade of a system, as the register of systems holds it; the room that grades systems asks and tells it here."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.label import Label
from authz.store import system
from storage.act import Act


class GradeParts(NamedTuple):
    """The two parts of a system's grade (GB/T 22240-2020), each 1–5; both None until it is graded."""

    s: int | None
    a: int | None


def grade_parts(connection: Connection, identifier: str) -> GradeParts | None:
    """Return the grade of this system; None where there is no such system."""
    row = connection.execute(sa.select(system.c.s, system.c.a).where(system.c.id == identifier)).one_or_none()
    return GradeParts(row.s, row.a) if row else None


def set_grade(connection: Connection, identifier: str, parts: GradeParts, label: Label, act: Act) -> bool:
    """Give this system a grade, and its objects the label that follows; return whether there is such a system.

    The caller counts the step of the epoch, in the same transaction.
    """
    values = {"s": parts.s, "a": parts.a, "label": int(label), "record": act.record}
    if not connection.execute(sa.update(system).where(system.c.id == identifier).values(values)).rowcount:
        return False
    act.witness(connection, system, identifier)
    return True
