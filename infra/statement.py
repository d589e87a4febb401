"""What a department's machines cost in a month, out of the database."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from infra.metering import Change, meter, month
from infra.quota import RESOURCES, Size
from infra.store import machine, machine_change
from storage.database import Database

_MACHINES = 1000


def statement(database: Database, inside: frozenset[str], text: str, *, now: datetime) -> dict[str, Any]:
    """Per machine and in sum; `closed` once the month is over and nothing can change it.

    Raises ValueError for what is no month that has begun.
    """
    since, until, closed = month(text, now=now)
    mine = machine.c.department.in_(sorted(inside)) & (machine.c.created_at < until)
    with database.reading() as connection:
        rows = connection.execute(sa.select(machine).where(mine).order_by(machine.c.id).limit(_MACHINES)).mappings()
        machines = {row["id"]: row for row in rows}
        query = sa.select(machine_change).where(machine_change.c.machine.in_(machines), machine_change.c.at < until)
        ordered = query.order_by(machine_change.c.machine, machine_change.c.at, machine_change.c.id)
        changes: dict[str, list[Change]] = {}
        for row in connection.execute(ordered).mappings():
            changes.setdefault(row["machine"], []).append(Change(row["at"], row["state"]))
    items = []
    for identifier, row in machines.items():
        size = Size(*(row[name] for name in RESOURCES))
        cost = meter(changes.get(identifier, ()), size, since=since, until=until)
        if cost.disk_gib_seconds:
            told = {
                "machine": identifier,
                "name": row["name"],
                "department": row["department"],
                "system": row["system"],
            }
            items.append({**told, **{name: getattr(cost, name) for name in cost.__dataclass_fields__}})
    names = ("running_seconds", "cpu_seconds", "memory_gib_seconds", "disk_gib_seconds")
    total = {name: sum(item[name] for item in items) for name in names}
    return {"month": text, "until": until, "closed": closed, "items": items, "total": total}
