"""Who holds one of some roles now, and since when."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.store import assignment


def holders_since(connection: Connection, roles: Collection[str], *, at: datetime) -> list[tuple[str, datetime]]:
    """Return (subject, when it was given) of every assignment of these roles that counts at this moment."""
    live = assignment.c.revoked_at.is_(None) & (assignment.c.expires_at.is_(None) | (assignment.c.expires_at > at))
    query = sa.select(assignment.c.subject, assignment.c.given_at).where(live, assignment.c.role.in_(roles))
    return [(row.subject, row.given_at) for row in connection.execute(query)]
