"""The facts the PDP reads, out of the database: systems, rules, role assignments, the tree of departments."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from authz import offices
from authz.errors import PolicyInvalid
from authz.facts import Facts, SystemFact
from authz.hierarchy import Inheritance
from authz.label import Label
from authz.policy import Assignment, PolicySet, Rule
from authz.request import Effect
from authz.store import assignment, rule, system, zone
from idp.directory import Directory
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A platform service: its owner, and the label its objects have unless a route says otherwise."""

    id: str
    department: str
    name_zh: str
    name_en: str
    label: Label
    s: int | None = None  # its grade's two parts (GB/T 22240-2020), None until it is graded
    a: int | None = None


class Register:
    """Reads policy sets and single subjects out of the database. Called from threads.
    Raises StorageUnavailable everywhere.
    """

    def __init__(self, database: Database, directory: Directory, *, public: Callable[[], Iterable[Rule]]) -> None:
        """`public`: what the route table opens to everybody; rules like any other."""
        self._database, self._directory, self._public = database, directory, public

    def systems(self) -> Mapping[str, System]:
        """Return every system by its id."""
        with self._database.transaction() as connection:
            columns = (system.c[name] for name in System.__dataclass_fields__)
            rows = connection.execute(sa.select(*columns).order_by(system.c.id)).mappings()
            return {row["id"]: System(**{**row, "label": Label(row["label"])}) for row in rows}

    def policies(self, *, version: int) -> PolicySet:
        """Return the whole policy set as it is now, with this version (the epoch). Raises PolicyInvalid."""
        departments = self._directory.departments()
        with self._database.reading() as connection:  # rules and assignments of one moment
            said = connection.execute(sa.select(rule)).all()
            held = connection.execute(sa.select(assignment).where(assignment.c.revoked_at.is_(None))).all()
            facts = _facts(connection)
        return PolicySet.build(  # outside: the database waits for nobody who computes
            [*self._public(), *offices.RULES, *map(_rule, said)],
            [_assignment(row) for row in held],
            inherits=[Inheritance(role=role, inherits=inherits) for role, inherits in offices.INHERITS],
            parents={node.id: node.parent for node in departments.values() if node.parent},
            facts=facts,
            version=version,
        )

    def with_subjects(self, policies: PolicySet, subjects: Iterable[str], *, version: int) -> PolicySet:
        """Return `policies` in which the role assignments of these subjects were read anew. Raises PolicyInvalid."""
        with self._database.transaction() as connection:
            for subject in subjects:
                policies = policies.with_subject(subject, self._held(connection, subject), version=version)
        return policies

    @staticmethod
    def _held(connection: Connection, subject: str) -> list[Assignment]:
        mine = (assignment.c.subject == subject) & assignment.c.revoked_at.is_(None)
        return [_assignment(row) for row in connection.execute(sa.select(assignment).where(mine))]


def _facts(connection: Connection) -> Facts:
    owned = connection.execute(sa.select(system.c.id, system.c.department, system.c.label)).all()
    ceilings = connection.execute(sa.select(zone.c.id, zone.c.ceiling)).all()
    return Facts(
        systems={row.id: SystemFact(department=row.department, label=_label(row.label, row.id)) for row in owned},
        zones={row.id: _label(row.ceiling, row.id) for row in ceilings},
    )


def _label(number: int, entry: str) -> Label:
    try:
        return Label(number)
    except ValueError:
        raise PolicyInvalid(f"`{number}` is not a label", entry=entry) from None


def _rule(row: sa.Row[tuple[object, ...]]) -> Rule:
    try:
        effect = Effect(row.effect)
    except ValueError:
        raise PolicyInvalid(f"effect `{row.effect}` is neither permit nor deny", entry=row.id) from None
    return Rule(
        id=row.id,
        subject=row.subject,
        department=row.department,
        object=row.object,
        action=row.action,
        effect=effect,
    )


def _assignment(row: sa.Row[tuple[object, ...]]) -> Assignment:
    try:
        clearance = Label(row.clearance)
    except ValueError:
        raise PolicyInvalid(f"clearance `{row.clearance}` is not a label", entry=row.id) from None
    return Assignment(
        id=row.id,
        subject=row.subject,
        role=row.role,
        department=row.department,
        clearance=clearance,
        expires_at=row.expires_at,
    )
