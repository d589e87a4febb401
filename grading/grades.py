"""Propose a system's grade, and what follows from it at once: the label of its objects (GB/T 22240-2020)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from authz.system_grades import GradeParts, set_grade
from grading.classify import Grade, Harm, Harmed, classify
from grading.errors import BasisMissing, SystemUnknown
from grading.store import grade as grades
from storage.act import Act
from storage.database import Database
from storage.epoch import EpochSource

BASIS_CHARS = 400
_HISTORY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Two questions each for S and A, and why they are answered so."""

    s_harmed: Harmed
    s_harm: Harm
    a_harmed: Harmed
    a_harm: Harm
    basis: str

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Answers":
        """Of a form. Raises BasisMissing for the first field that is not answered."""
        read: dict[str, Harmed | Harm] = {}
        for name in ("s_harmed", "s_harm", "a_harmed", "a_harm"):
            try:
                read[name] = (Harmed if name.endswith("harmed") else Harm)(given.get(name, ""))
            except ValueError:
                raise BasisMissing(name) from None
        basis = given.get("basis", "").strip()
        if not 1 <= len(basis) <= BASIS_CHARS or not basis.isprintable():
            raise BasisMissing("basis")
        return cls(**read, basis=basis)  # type: ignore[arg-type] # each name with its own enumeration

    @property
    def grade(self) -> Grade:
        """What they lead to."""
        return classify(s_harmed=self.s_harmed, s_harm=self.s_harm, a_harmed=self.a_harmed, a_harm=self.a_harm)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeEntry:
    """One grade a system was given."""

    id: str
    system: str
    grade: Grade
    answers: Answers
    proposed_by: str
    approved_by: str
    proposed_at: datetime
    record: str


class Grades:
    """The grading register. Called from threads."""

    def __init__(self, database: Database, *, epochs: EpochSource, mint: Callable[[], str]) -> None:
        self._database, self._epochs, self._mint = database, epochs, mint

    def propose(self, system: str, answers: Answers, act: Act) -> tuple[GradeEntry, int]:
        """Give the system this grade; its objects' default label is S from this epoch on.

        Return the grade and the epoch. Raises SystemUnknown.
        """
        grade, identifier = answers.grade, self._mint()
        row = {
            "id": identifier, "system": system, "s": grade.s, "a": grade.a, "s_harmed": answers.s_harmed,
            "s_harm": answers.s_harm, "a_harmed": answers.a_harmed, "a_harm": answers.a_harm, "basis": answers.basis,
            "proposed_by": act.actor, "approved_by": act.approver, "proposed_at": act.at, "record": act.record,
        }  # fmt: skip
        with self._database.transaction() as connection:
            if not set_grade(connection, system, GradeParts(grade.s, grade.a), grade.label, act):
                raise SystemUnknown(system)
            connection.execute(sa.insert(grades).values(row))
            act.witness(connection, grades, identifier)
            epoch = self._epochs.bump(connection, [("policy", system)])
        return _entry(row), epoch

    def history(self, system: str) -> list[GradeEntry]:
        """Return what it was graded, newest first; at most 20."""
        query = sa.select(grades).where(grades.c.system == system).order_by(grades.c.id.desc()).limit(_HISTORY)
        with self._database.reading() as connection:
            return [_entry(dict(row)) for row in connection.execute(query).mappings()]


def _entry(row: Mapping[str, Any]) -> GradeEntry:
    texts = {name: str(row[name]) for name in ("s_harmed", "s_harm", "a_harmed", "a_harm", "basis")}
    return GradeEntry(
        id=row["id"],
        system=row["system"],
        grade=Grade(s=row["s"], a=row["a"]),
        answers=Answers.read(texts),
        proposed_by=row["proposed_by"],
        approved_by=row["approved_by"],
        proposed_at=row["proposed_at"],
        record=row["record"],
    )
