"""What is known of people beside their names: as whom the issuer knows them, and when they were here last."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from idp.store import person, session


def subs_of(connection: Connection, people: Collection[str]) -> dict[str, str]:
    """Return the issuer's `sub` of each of these people, by id; whoever is no person is left out."""
    rows = connection.execute(sa.select(person.c.id, person.c.sub).where(person.c.id.in_(people)))
    return {row.id: row.sub for row in rows}


def last_seen(connection: Connection, people: Collection[str]) -> dict[str, datetime]:
    """Return when a session of each of these people was last in use, by id; whoever has none is left out."""
    seen = sa.select(session.c.person, sa.func.max(session.c.seen_at).label("at")).where(session.c.person.in_(people))
    return {row.person: row.at for row in connection.execute(seen.group_by(session.c.person))}
