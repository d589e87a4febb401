"""What a department opens of one of its systems: a path, read by whoever holds one role made for that alone.

Sharing is a right of its own (`share:approve` in the owner's department) and nothing of `may_grant`; whoever calls this
has been permitted it at the door. Written with the caller's transaction; the caller counts the epoch.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.administer import RoleAssignment, insert_assignment
from authz.errors import AlreadyHeld, AssignmentUnknown
from authz.label import Label
from authz.pattern import check_name, segments_of
from authz.request import Effect
from authz.store import assignment, role, rule
from storage.act import Act
from storage.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPath:
    """`role` may read `path` of `system`, and all below it, in `department`."""

    role: str
    department: str
    system: str
    path: str  # "/open/properties"
    name: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReader:
    """Who reads an open path, by `role` of `department`: up to which label, for what, and until when."""

    id: str  # of the role assignment
    subject: str
    role: str
    department: str
    clearance: Label
    purpose: str
    until: datetime


def open_path(connection: Connection, path: OpenPath, act: Act) -> None:
    """Make the role and its two rules. Raises PolicyInvalid before anything is written."""
    check_name(path.role, "role")
    base = f"/{path.system}{path.path}"
    objects = {f"{path.role}-at": base, f"{path.role}-below": f"{base}/*"}
    for pattern in objects.values():
        segments_of(pattern)  # a rule that cannot be read would be refused with the whole policy set
    allows = {"allows_zh": f"读取 {base}", "allows_en": f"Read {base}"}
    names = {"name_zh": f"{path.name}·使用方", "name_en": f"{path.name}: reader"}
    connection.execute(sa.insert(role).values(id=path.role, **names, **allows, record=act.record))
    common = {"subject": path.role, "department": path.department, "action": Action.READ, "record": act.record}
    rows = [{"id": name, "object": pattern, "effect": Effect.PERMIT, **common} for name, pattern in objects.items()]
    connection.execute(sa.insert(rule), rows)
    act.witness(connection, rule, *objects)
    act.witness(connection, role, path.role)


def close_path(connection: Connection, name: str, act: Act) -> None:
    """Take the rules of role `name` away: from the next epoch on the role, whoever holds it, reads nothing.

    The role itself stays: past assignments are shown by its name.
    """
    deleted = sa.delete(rule).where(rule.c.subject == name).returning(rule.c.id)
    act.witness_deleted(connection, rule, *connection.execute(deleted).scalars())


def add_reader(connection: Connection, reader: PathReader, act: Act) -> None:
    """Let somebody read for a time. Raises AlreadyHeld where she may already, as high and at least as long."""
    same = sa.select(assignment.c.id).where(
        assignment.c.subject == reader.subject,
        assignment.c.role == reader.role,
        assignment.c.department == reader.department,
        assignment.c.revoked_at.is_(None),
        assignment.c.clearance >= reader.clearance,
        assignment.c.expires_at >= reader.until,
    )
    if identifier := connection.execute(same).scalars().first():
        raise AlreadyHeld(role=reader.role, assignment=identifier)
    new = RoleAssignment(
        id=reader.id, subject=reader.subject, role=reader.role, department=reader.department,
        clearance=reader.clearance, expires_at=reader.until, reason=reader.purpose, given_by=act.actor,
        given_at=act.at, record=act.record, revoked_by=None, revoked_at=None, revoke_record=None,
    )  # fmt: skip
    insert_assignment(connection, new)
    act.witness(connection, assignment, new.id)


def remove_reader(connection: Connection, identifier: str, act: Act) -> None:
    """Let nobody read by this role assignment any more. Raises AssignmentUnknown."""
    live = (assignment.c.id == identifier) & assignment.c.revoked_at.is_(None)
    if connection.execute(sa.select(assignment.c.id).where(live).with_for_update()).one_or_none() is None:
        raise AssignmentUnknown(identifier)
    revoked = {"revoked_by": act.actor, "revoked_at": act.at, "revoke_record": act.record}
    connection.execute(sa.update(assignment).where(assignment.c.id == identifier).values(revoked))
    act.witness(connection, assignment, identifier)


def readers_at(at: datetime) -> sa.Subquery:
    """Return the role assignments in force at that moment as something to join with.

    Its columns: `id`, `clearance`, `purpose`, `until` (None where there is no end), `added_by`, `added_at`.
    """
    lasting = assignment.c.expires_at.is_(None) | (assignment.c.expires_at > at)
    columns = (
        assignment.c.id,
        assignment.c.clearance,
        assignment.c.reason.label("purpose"),
        assignment.c.expires_at.label("until"),
        assignment.c.given_by.label("added_by"),
        assignment.c.given_at.label("added_at"),
    )
    return sa.select(*columns).where(assignment.c.revoked_at.is_(None), lasting).subquery("reader")
