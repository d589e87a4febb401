"""PAP: give and take roles, within what one may grant and with duties kept apart.

The door has already decided that the actor may use this desk; here stands what no rule about paths can say.
Every row names the record of the decision it was made under.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.errors import AlreadyHeld, AssignmentUnknown, MayNotGrant, SeparationOfDuty
from authz.label import Label
from authz.offices import EXCLUSIVE
from authz.store import assignment, may_grant, role
from idp.directory import Department, Directory, subtree
from storage.act import Act
from storage.database import Database
from storage.epoch import EpochSource

READER = "reader-of-"  # roles made for one published resource each, which apps hold and nobody grants


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignment:
    """One role assignment (角色授权) as it stands in the register."""

    id: str
    subject: str
    role: str
    department: str
    clearance: int
    expires_at: datetime | None
    reason: str
    given_by: str
    given_at: datetime
    record: str
    revoked_by: str | None
    revoked_at: datetime | None
    revoke_record: str | None

    def is_live(self, at: datetime) -> bool:
        """Whether the assignment gives its role at the moment `at`: it was not taken back and has not run out."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantable:
    """A role that somebody may give: in this department and below it, up to the clearance `ceiling`."""

    role: str
    department: str
    ceiling: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleTerms:
    """What is to be given: which role, where, up to which label, until when (None: for good), and why."""

    role: str
    department: str
    clearance: Label
    expires_at: datetime | None
    reason: str


class Administration:
    """Gives and takes back roles. Each change is a step of the epoch, counted in the transaction that writes it.
    Called from threads.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        *,
        epochs: EpochSource,
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        self._database, self._directory, self._epochs = database, directory, epochs
        self._clock, self._mint = clock, mint

    def rights_of(self, actor: str) -> list[Grantable]:
        """Return the roles that `actor` may give, each with its department and ceiling, sorted by role."""
        query = sa.select(may_grant.c.role, may_grant.c.department, may_grant.c.ceiling)
        with self._database.transaction() as connection:
            rows = connection.execute(query.where(may_grant.c.subject == actor).order_by(may_grant.c.role))
            return [Grantable(role=r.role, department=r.department, ceiling=Label(r.ceiling)) for r in rows]

    def roles(self) -> dict[str, dict[str, str]]:
        """Return every role that people can hold: its id, with its name and what it allows in both languages."""
        query = sa.select(role).where(~role.c.id.startswith(READER))
        with self._database.transaction() as connection:
            return {row["id"]: dict(row) for row in connection.execute(query).mappings()}

    def assignments_of(self, subject: str, *, inside: frozenset[str], ever: bool = False) -> list[RoleAssignment]:
        """Return the role assignments of `subject` in the departments `inside`, newest first, at most 200. `ever` adds
        those that ran out or were taken back.
        """
        query = sa.select(assignment).where(assignment.c.subject == subject, assignment.c.department.in_(inside))
        if not ever:
            query = query.where(_live(self._clock()))
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(assignment.c.given_at.desc()).limit(200)).mappings()
            return [RoleAssignment(**row) for row in rows]

    def roles_of(self, subjects: Iterable[str], *, inside: frozenset[str]) -> dict[str, list[str]]:
        """Return the roles that each of `subjects` holds now in the departments `inside`, sorted.
        Who holds none is missing.
        """
        mine = assignment.c.subject.in_(sorted(subjects)) & assignment.c.department.in_(sorted(inside))
        query = sa.select(assignment.c.subject, assignment.c.role).where(mine, _live(self._clock()))
        held: dict[str, list[str]] = {}
        with self._database.transaction() as connection:
            for row in connection.execute(query.distinct().order_by(assignment.c.role)):
                held.setdefault(row.subject, []).append(row.role)
        return held

    def assign(self, subject: str, terms: RoleTerms, act: Act) -> tuple[RoleAssignment, int]:
        """Give `subject` a role under `terms`; return the assignment, and the epoch from which it counts.

        Raises MayNotGrant if the actor has no such right or is `subject`, SeparationOfDuty if `subject` holds an office
        that excludes this one, AlreadyHeld if it would give nothing new, PersonUnknown if there is no such person.
        """
        departments = self._directory.departments()
        new = RoleAssignment(
            id=self._mint(), subject=subject, role=terms.role, department=terms.department, clearance=terms.clearance,
            expires_at=terms.expires_at, reason=terms.reason, given_by=act.actor, given_at=act.at, record=act.record,
            revoked_by=None, revoked_at=None, revoke_record=None,
        )  # fmt: skip
        with self._database.transaction() as connection:
            self._directory.hold(connection, subject)  # what excludes what is looked at one assignment after the other
            self._check_may_grant(connection, departments, new, actor=act.actor)
            check_separation(connection, subject=subject, role_id=terms.role, at=act.at)
            _check_gives_something(connection, new)
            insert_assignment(connection, new)
            act.witness(connection, assignment, new.id)
            return new, self._epochs.bump(connection, [("subject", subject)])

    def revoke(self, identifier: str, *, subject: str, department: str, act: Act) -> tuple[RoleAssignment, int]:
        """Take back the assignment `identifier`, which `subject` holds in `department` or below it. Return it as it
        was, and the epoch from which it is over.

        Raises AssignmentUnknown, also for an assignment of somebody else, elsewhere or taken back before, and
        MayNotGrant if the actor may not give that role there.
        """
        departments = self._directory.departments()
        with self._database.transaction() as connection:
            query = sa.select(assignment).where(
                assignment.c.id == identifier,
                assignment.c.subject == subject,
                assignment.c.department.in_(subtree(departments, department)),
                assignment.c.revoked_at.is_(None),
            )
            row = connection.execute(query.with_for_update()).mappings().one_or_none()
            if row is None:
                raise AssignmentUnknown(identifier)
            old = RoleAssignment(**row)
            self._check_may_grant(connection, departments, old, actor=act.actor)
            values = {"revoked_by": act.actor, "revoked_at": act.at, "revoke_record": act.record}
            connection.execute(sa.update(assignment).where(assignment.c.id == identifier).values(values))
            act.witness(connection, assignment, identifier)
            return old, self._epochs.bump(connection, [("subject", subject)])

    @staticmethod
    def _check_may_grant(
        connection: Connection, departments: Mapping[str, Department], wanted: RoleAssignment, *, actor: str
    ) -> None:
        """Granting is a right of its own: role × subtree × ceiling, never derived from roles held (law 8)."""
        rights = connection.execute(
            sa.select(may_grant).where(may_grant.c.subject == actor, may_grant.c.role == wanted.role)
        ).mappings()
        for right in rights:
            inside = wanted.department in subtree(departments, right["department"])
            if inside and wanted.clearance <= right["ceiling"] and wanted.subject != actor:
                return
        raise MayNotGrant(actor=actor, role=wanted.role, department=wanted.department)


def check_separation(connection: Connection, *, subject: str, role_id: str, at: datetime) -> None:
    """Raise SeparationOfDuty if `subject` holds at the moment `at` an office that excludes `role_id` (GB/T 22239-2019
    8.1.5). Return nothing.
    """
    if role_id not in EXCLUSIVE:
        return
    held = sa.select(assignment.c.role).where(
        assignment.c.subject == subject,
        _live(at),
        assignment.c.role.in_(EXCLUSIVE - {role_id}),
    )
    if excluded := connection.execute(held).scalars().first():
        raise SeparationOfDuty(subject=subject, role=role_id, excludes=excluded)


def _check_gives_something(connection: Connection, new: RoleAssignment) -> None:
    """A second click, or a second administrator with the same thought, makes no second row. Raises AlreadyHeld."""
    held = sa.select(assignment).where(
        assignment.c.subject == new.subject,
        assignment.c.role == new.role,
        assignment.c.department == new.department,
        assignment.c.clearance >= new.clearance,
        _live(new.given_at),
        _lasting(new.expires_at),
    )
    if row := connection.execute(held).mappings().first():
        raise AlreadyHeld(role=new.role, assignment=row["id"])


def _lasting(until: datetime | None) -> sa.ColumnElement[bool]:
    open_ended = assignment.c.expires_at.is_(None)
    return open_ended if until is None else open_ended | (assignment.c.expires_at >= until)


def _live(at: datetime) -> sa.ColumnElement[bool]:
    """`RoleAssignment.is_live` as a condition."""
    lasting = assignment.c.expires_at.is_(None) | (assignment.c.expires_at > at)
    return assignment.c.revoked_at.is_(None) & lasting


def insert_assignment(connection: Connection, new: RoleAssignment) -> None:
    """Write the assignment `given` as one row. It checks nothing: `assign` and the founding do."""
    connection.execute(
        sa.insert(assignment).values({name: getattr(new, name) for name in RoleAssignment.__dataclass_fields__})
    )
