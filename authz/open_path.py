"""What a department opens of one of its systems: a path, read by whoever holds one role made for that alone.

Sharing is a right of its own (`share:approve` in the owner's department) and nothing of `may_grant`; whoever calls this
has been permitted it at the door. Written with the caller's transaction; the caller counts the epoch.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.administer import Held, insert
from authz.errors import AlreadyHeld, AssignmentUnknown
from authz.pattern import check_name, segments_of
from authz.request import Effect
from authz.store import assignment, role, rule
from storage.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPath:
    """`role` may read `path` of `system`, and all below it, in `department`."""

    role: str
    department: str
    system: str
    path: str  # "/open/properties"
    name: str  # for people


def open_path(connection: Connection, opened: OpenPath, *, record: str) -> list[str]:
    """Make the role and its two rules, and return the ids of the rules.
    Raises PolicyInvalid before anything is written.
    """
    check_name(opened.role, "role")
    base = f"/{opened.system}{opened.path}"
    objects = {f"{opened.role}-at": base, f"{opened.role}-below": f"{base}/*"}
    for pattern in objects.values():
        segments_of(pattern)  # a rule that cannot be read would be refused with the whole policy set
    allows = {"allows_zh": f"读取 {base}", "allows_en": f"Read {base}"}
    names = {"name_zh": f"{opened.name}·使用方", "name_en": f"{opened.name}: reader"}
    connection.execute(sa.insert(role).values(id=opened.role, **names, **allows, record=record))
    common = {"subject": opened.role, "department": opened.department, "action": Action.READ, "record": record}
    rows = [{"id": name, "object": pattern, "effect": Effect.PERMIT, **common} for name, pattern in objects.items()]
    connection.execute(sa.insert(rule), rows)
    return list(objects)


def close_path(connection: Connection, name: str) -> list[str]:
    """Delete the rules of the role `name` and return their ids. From the next epoch on whoever holds the role reads
    nothing by it.

    The role itself stays, because past assignments are shown by its name.
    """
    gone = sa.delete(rule).where(rule.c.subject == name).returning(rule.c.id)
    return list(connection.execute(gone).scalars())


def let_in(connection: Connection, given: Held) -> None:
    """Give a role of an open path for a time. Raises AlreadyHeld if it is held as high and at least as long."""
    held = sa.select(assignment.c.id).where(
        assignment.c.subject == given.subject,
        assignment.c.role == given.role,
        assignment.c.department == given.department,
        assignment.c.revoked_at.is_(None),
        assignment.c.clearance >= given.clearance,
        assignment.c.expires_at >= given.expires_at,
    )
    if row := connection.execute(held).scalars().first():
        raise AlreadyHeld(role=given.role, assignment=row)
    insert(connection, given)


def turn_away(connection: Connection, identifier: str, *, actor: str, at: datetime, record: str) -> str:
    """Take the assignment `identifier` back before its time, under `record`, and return whose it was.
    Raises AssignmentUnknown.
    """
    live = (assignment.c.id == identifier) & assignment.c.revoked_at.is_(None)
    row = connection.execute(sa.select(assignment.c.subject).where(live).with_for_update()).one_or_none()
    if row is None:
        raise AssignmentUnknown(identifier)
    taken = {"revoked_by": actor, "revoked_at": at, "revoke_record": record}
    connection.execute(sa.update(assignment).where(assignment.c.id == identifier).values(taken))
    return str(row.subject)
