"""What a person answers where no probe can look: a status with its evidence, which counts until a date."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from authz.store import system as systems
from grading.assess import CONTROLS
from grading.classify import Grade
from grading.controls import Control
from grading.errors import ControlMeasured, ControlUnknown, SystemUnknown, Ungraded
from grading.evidence import ControlAnswer, Status
from grading.store import control_answer as answers
from storage import witness
from storage.database import Database

ANSWERS = tuple(status for status in Status if status is not Status.NOT_ASSESSED)
_HISTORY = 20
_NEWEST_FIRST = (answers.c.answered_at.desc(), answers.c.id.desc())
_BY_ID = {control.id: control for control in CONTROLS}


class AskedOf(NamedTuple):
    """A control that a person of this system must answer, and the last answer, which may be over."""

    control: Control
    answer: ControlAnswer | None


class ControlAnswers:
    """What was answered; a newer answer takes the place of an older one. Called from threads."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], mint: Callable[[], str]) -> None:
        self._database, self._clock, self._mint = database, clock, mint

    def give(
        self, system: str, control: str, status: Status, *, reason: str, until: datetime, actor: str, record: str
    ) -> tuple[ControlAnswer, dict[str, str]]:
        """Answer it; also what the record is told of the row.

        What a probe judges is nobody's to answer (law 14). Raises SystemUnknown, Ungraded, ControlUnknown,
        ControlMeasured.
        """
        row = {
            "id": self._mint(), "system": system, "control": control, "status": status, "reason": reason,
            "expires_at": until, "answered_by": actor, "answered_at": self._clock(), "record": record,
        }  # fmt: skip
        with self._database.transaction() as connection:
            _asked(connection, system, control)
            connection.execute(sa.insert(answers).values(row))
            return _answer(row), dict([witness.of(connection, answers, row["id"])])

    def last(self, system: str, control: str) -> ControlAnswer | None:
        """The answer that counts, unless it is over."""
        return next(iter(self._newest(system, control, limit=1)), None)

    def asked(self, system: str) -> list[AskedOf]:
        """Every control of the system's grade that only a person can answer. Raises SystemUnknown, Ungraded."""
        with self._database.reading() as connection:
            grade = _grade(connection, system)
        mine = [one for one in CONTROLS if not one.probe and one.from_grade <= grade]
        return [AskedOf(one, self.last(system, one.id)) for one in mine]

    def history(self, system: str, control: str) -> tuple[Control, list[ControlAnswer]]:
        """The control and its answers, newest first, at most 20. Raises as `give` does."""
        with self._database.reading() as connection:
            asked = _asked(connection, system, control)
        return asked, self._newest(system, control, limit=_HISTORY)

    def _newest(self, system: str, control: str, *, limit: int) -> list[ControlAnswer]:
        query = sa.select(answers).where(answers.c.system == system, answers.c.control == control)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(*_NEWEST_FIRST).limit(limit)).mappings()
            return [_answer(dict(row)) for row in rows]


def _asked(connection: sa.Connection, system: str, control: str) -> Control:
    grade, found = _grade(connection, system), _BY_ID.get(control)
    if found is None or found.from_grade > grade:
        raise ControlUnknown(control)
    if found.probe:
        raise ControlMeasured(control)
    return found


def _grade(connection: sa.Connection, system: str) -> int:
    row = connection.execute(sa.select(systems.c.s, systems.c.a).where(systems.c.id == system)).one_or_none()
    if row is None:
        raise SystemUnknown(system)
    if row.s is None or row.a is None:
        raise Ungraded(system)
    return Grade(s=row.s, a=row.a).grade


def _answer(row: dict[str, object]) -> ControlAnswer:
    told = {name: row[name] for name in ControlAnswer.__dataclass_fields__}
    status = Status(str(row["status"])) if row["status"] in ANSWERS else Status.NOT_ASSESSED  # nobody gave that
    return ControlAnswer(**told | {"status": status})  # type: ignore[arg-type] # a row's columns
