"""The zones among the facts of the PDP, for whoever puts machines into them and opens flows between them.

Each function takes its caller's connection, so that the caller reads zones and rows of his own at one moment.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.store import system, zone


def list_zones(connection: Connection) -> list[dict[str, Any]]:
    """Return the row of every zone, in the order of ids, by the names of its columns."""
    return [dict(row) for row in connection.execute(sa.select(zone).order_by(zone.c.id)).mappings()]


def interface_of(connection: Connection, zone_id: str) -> str:
    """Return the router's interface towards this zone. Raises sqlalchemy's NoResultFound."""
    return str(connection.execute(sa.select(zone.c.interface).where(zone.c.id == zone_id)).scalar_one())


def may_stand(connection: Connection, *, system_id: str, zone_id: str) -> bool:
    """Whether a machine of this system may stand in this zone: the label is not above the ceiling (law 6)."""
    label = sa.select(system.c.label).where(system.c.id == system_id).scalar_subquery()
    fits = sa.select(zone.c.id).where(zone.c.id == zone_id, zone.c.ceiling >= label)
    return connection.execute(fits).first() is not None
