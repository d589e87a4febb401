"""The rows of sessions: which are alive, which sign-in may begin one, and what is read of each."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from idp.directory import Directory
from idp.relying_party import Completed
from idp.store import person, session

IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=8)  # how long a session lives unused, and in all


def alive_at(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that a session is alive at this moment."""
    return session.c.ended_at.is_(None), session.c.seen_at > now - IDLE, session.c.started_at > now - ABSOLUTE


def hold_sessions(connection: Connection, which: sa.ColumnElement[bool]) -> list[str]:
    """The ids of these sessions, held until the transaction ends; in one order, so that nobody waits in a circle."""
    return list(
        connection.execute(sa.select(session.c.id).where(which).order_by(session.c.id).with_for_update()).scalars()
    )


def sign_in_counts(connection: Connection, login: Completed, person_id: str) -> bool:
    """Whether this sign-in may begin a session; asked in the transaction that does, so that none slips past a sign-out.

    The issuer's sign-on may outlive a session that was ended here: it must not quietly bring it back (ASVS 15.4.2).
    """
    not_before = Directory.hold(connection, person_id)
    same = (session.c.iss == login.iss) & (session.c.sid == login.sid) & (session.c.person == person_id)
    ended = sa.select(sa.func.count()).select_from(session).where(same, session.c.ended_at > login.auth_time)
    return login.auth_time >= not_before and not connection.execute(ended).scalar_one()


_COLUMNS = (
    session.c.id,
    session.c.person,
    person.c.name,
    person.c.department,
    session.c.assurance,
    session.c.address,
    session.c.started_at,
    session.c.seen_at,
    session.c.device,
)
_RENEWABLE = sa.case((sa.func.length(session.c.refresh_token) > 0, session.c.checked_at))
LISTED = (
    sa.select(*_COLUMNS, sa.literal("").label("host"), sa.literal("").label("csrf"))
    .join(person, person.c.id == session.c.person)
)  # fmt: skip
LIVE = (  # as `alive_at` says, made once
    sa.select(*_COLUMNS, _RENEWABLE.label("checked_at"))
    .join(person, person.c.id == session.c.person)
    .where(session.c.id.in_(sa.bindparam("ids", expanding=True)), session.c.ended_at.is_(None))
    .where(session.c.seen_at > sa.bindparam("seen"), session.c.started_at > sa.bindparam("started"))
)
