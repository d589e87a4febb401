"""What a person answers where no probe can look: a status with its evidence, which counts until a date."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from authz.system_grades import grade_parts
from grading.assess import CONTROLS
from grading.classify import Grade
from grading.controls import Control
from grading.errors import ControlMeasured, ControlUnknown, SystemUnknown, Ungraded
from grading.evidence import ControlAnswer, Status
from grading.store import control_answer as answers
from storage.act import Act
from storage.database import Database

ANSWERS = tuple(status for status in Status if status is not Status.NOT_ASSESSED)
_HISTORY = 20
_NEWEST_FIRST = (answers.c.answered_at.desc(), answers.c.id.desc())
_BY_ID = {control.id: control for control in CONTROLS}


class HumanControl(NamedTuple):
    """A control that a person of this system must answer, and the last answer, which may be over."""

    control: Control
    answer: ControlAnswer | None


class ControlAnswers:
    """What was answered; a newer answer takes the place of an older one. Called from threads."""

    def __init__(self, database: Database, *, mint: Callable[[], str]) -> None:
        self._database, self._mint = database, mint

    def give(
        self, system: str, control: str, status: Status, act: Act, *, reason: str, until: datetime
    ) -> ControlAnswer:
        """Answer the control in the name of the act's actor; `reason` counts until `until`.

        What a probe judges is nobody's to answer (law 14). Raises SystemUnknown, Ungraded, ControlUnknown,
        ControlMeasured.
        """
        row = {
            "id": self._mint(), "system": system, "control": control, "status": status, "reason": reason,
            "expires_at": until, "answered_by": act.actor, "answered_at": act.at, "record": act.record,
        }  # fmt: skip
        with self._database.transaction() as connection:
            _human_control(connection, system, control)
            connection.execute(sa.insert(answers).values(row))
            act.witness(connection, answers, row["id"])
        return _answer(row)

    def last_answer(self, system: str, control: str) -> ControlAnswer | None:
        """The answer that counts, unless it is over."""
        return next(iter(self._newest(system, control, limit=1)), None)

    def human_controls(self, system: str) -> list[HumanControl]:
        """Every control of the system's grade that only a person can answer. Raises SystemUnknown, Ungraded."""
        with self._database.reading() as connection:
            grade = _grade(connection, system)
        mine = [one for one in CONTROLS if not one.probe and one.from_grade <= grade]
        return [HumanControl(one, self.last_answer(system, one.id)) for one in mine]

    def history(self, system: str, control: str) -> tuple[Control, list[ControlAnswer]]:
        """The control and its answers, newest first, at most 20. Raises as `give` does."""
        with self._database.reading() as connection:
            asked = _human_control(connection, system, control)
        return asked, self._newest(system, control, limit=_HISTORY)

    def _newest(self, system: str, control: str, *, limit: int) -> list[ControlAnswer]:
        query = sa.select(answers).where(answers.c.system == system, answers.c.control == control)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(*_NEWEST_FIRST).limit(limit)).mappings()
            return [_answer(dict(row)) for row in rows]


def _human_control(connection: sa.Connection, system: str, control: str) -> Control:
    grade, known = _grade(connection, system), _BY_ID.get(control)
    if known is None or known.from_grade > grade:
        raise ControlUnknown(control)
    if known.probe:
        raise ControlMeasured(control)
    return known


def _grade(connection: sa.Connection, system: str) -> int:
    parts = grade_parts(connection, system)
    if parts is None:
        raise SystemUnknown(system)
    if parts.s is None or parts.a is None:
        raise Ungraded(system)
    return Grade(s=parts.s, a=parts.a).grade


def _answer(row: dict[str, object]) -> ControlAnswer:
    values = {name: row[name] for name in ControlAnswer.__dataclass_fields__}
    status = Status(str(row["status"])) if row["status"] in ANSWERS else Status.NOT_ASSESSED  # nobody gave that
    return ControlAnswer(**values | {"status": status})  # type: ignore[arg-type] # a row's columns
