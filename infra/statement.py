"""What a department's machines cost in a month, out of the database."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from infra.metering import MachineCost, StateChange, meter, month
from infra.quota import RESOURCES, Size
from infra.store import machine, machine_change
from storage.database import Database

_COSTS = tuple(MachineCost.__dataclass_fields__)


def statement(database: Database, inside: frozenset[str], text: str, *, now: datetime) -> dict[str, Any]:
    """Return the cost per machine and in sum; `closed` once the month is over and nothing can change it.

    Raises ValueError for what is no month that has begun.
    """
    since, until, closed = month(text, now=now)
    ended = sa.select(machine_change.c.machine).where(machine_change.c.state == "deleted", machine_change.c.at <= since)
    mine = machine.c.department.in_(sorted(inside)) & (machine.c.created_at < until) & machine.c.id.not_in(ended)
    with database.reading() as connection:
        rows = connection.execute(sa.select(machine).where(mine).order_by(machine.c.id)).mappings()
        machines = {row["id"]: row for row in rows}
        theirs = machine_change.c.machine.in_(sa.select(machine.c.id).where(mine))
        query = sa.select(machine_change).where(theirs, machine_change.c.at < until)
        ordered = query.order_by(machine_change.c.machine, machine_change.c.at, machine_change.c.id)
        changes: dict[str, list[StateChange]] = {}
        for row in connection.execute(ordered).mappings():
            changes.setdefault(row["machine"], []).append(StateChange(row["at"], row["state"]))
    items = []
    for identifier, row in machines.items():
        size = Size(*(row[name] for name in RESOURCES))
        cost = meter(changes.get(identifier, ()), size, since=since, until=until)
        if cost.disk_gib_seconds:
            whose = {name: row[name] for name in ("name", "department", "system")}
            items.append({"machine": identifier, **whose, **{name: getattr(cost, name) for name in _COSTS}})
    total = {name: sum(item[name] for item in items) for name in _COSTS}
    return {"month": text, "until": until, "closed": closed, "items": items, "total": total}
