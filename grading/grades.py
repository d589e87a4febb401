"""Propose a system's grade, and what follows from it at once: the label of its objects (GB/T 22240-2020)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from authz.store import system as systems
from grading.classify import Grade, Harm, Harmed, classify
from grading.errors import BasisMissing, SystemUnknown
from grading.store import grade as grades
from storage import witness
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
class Graded:
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

    def __init__(
        self, database: Database, *, epochs: EpochSource, clock: Callable[[], datetime], mint: Callable[[], str]
    ) -> None:
        self._database, self._epochs, self._clock, self._mint = database, epochs, clock, mint

    def propose(
        self,
        system: str,
        answers: Answers,
        *,
        actor: str,
        approver: str,
        record: str,
    ) -> tuple[Graded, int, dict[str, str]]:
        """Give the system this grade; its objects' default label is S from this epoch on.

        Returns the grade, the epoch, and what the record is told of both rows. Raises SystemUnknown.
        """
        grade, now, identifier = answers.grade, self._clock(), self._mint()
        row = {
            "id": identifier, "system": system, "s": grade.s, "a": grade.a, "s_harmed": answers.s_harmed,
            "s_harm": answers.s_harm, "a_harmed": answers.a_harmed, "a_harm": answers.a_harm, "basis": answers.basis,
            "proposed_by": actor, "approved_by": approver, "proposed_at": now, "record": record,
        }  # fmt: skip
        with self._database.transaction() as connection:
            values = {"s": grade.s, "a": grade.a, "label": int(grade.label), "record": record}
            changed = connection.execute(sa.update(systems).where(systems.c.id == system).values(values))
            if not changed.rowcount:
                raise SystemUnknown(system)
            connection.execute(sa.insert(grades).values(row))
            told = dict([witness.of(connection, grades, identifier), witness.of(connection, systems, system)])
            epoch = self._epochs.bump(connection, [("policy", system)])
        return _graded(row), epoch, told

    def of(self, system: str) -> list[Graded]:
        """What it was graded, newest first; at most 20."""
        query = sa.select(grades).where(grades.c.system == system).order_by(grades.c.id.desc()).limit(_HISTORY)
        with self._database.reading() as connection:
            return [_graded(dict(row)) for row in connection.execute(query).mappings()]


def _graded(row: Mapping[str, Any]) -> Graded:
    texts = {name: str(row[name]) for name in ("s_harmed", "s_harm", "a_harmed", "a_harm", "basis")}
    return Graded(
        id=row["id"],
        system=row["system"],
        grade=Grade(s=row["s"], a=row["a"]),
        answers=Answers.read(texts),
        proposed_by=row["proposed_by"],
        approved_by=row["approved_by"],
        proposed_at=row["proposed_at"],
        record=row["record"],
    )
