"""The self-assessment (自查) of one system: every control of its grade, asked now, with what each answer rests on."""

import json
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from audit.errors import AuditError
from audit.event import timestamp
from audit.log import Log
from audit.search import Query, search
from authz.errors import AuthzError
from catalogue.errors import CatalogueError
from crypto.errors import CryptoError
from gateway.errors import GatewayError
from grading.classify import Grade
from grading.controls import Control, read
from grading.errors import AssessmentUnknown
from grading.evidence import Evidence, ProbeAnswer, ProbeFacts, Status, answer_with
from grading.probes import PROBES
from grading.store import assessment as assessments
from grading.store import control_answer as answers
from idp.errors import IdpError
from infra.errors import InfraError
from storage.act import Act
from storage.database import Database
from storage.errors import StorageError

CONTROLS = read(Path(__file__).with_name("controls.toml").read_text(), probes=PROBES)
PAGE = 20
_CANNOT_TELL = (
    OSError, ValueError, LookupError, ArithmeticError, RecursionError, sqlite3.Error, sa.exc.SQLAlchemyError,
    AuditError, StorageError, IdpError, AuthzError, CryptoError, GatewayError, InfraError, CatalogueError,
)  # fmt: skip
"""What a probe may meet on its way: then it has found nothing out."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFinding:
    """One control's answer. `leaf`: of the record it rests on; None where no record was reached."""

    control: Control
    status: Status
    evidence: tuple[Evidence, ...]
    leaf: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One run over all controls; never a conclusion of a testing body (测评结论)."""

    id: str
    system: str
    grade: Grade
    run_by: str
    run_at: datetime
    findings: tuple[ControlFinding, ...]
    record: str

    def count(self, status: Status | str) -> int:
        """How many controls have this status; a template names it by its value."""
        return sum(one.status == status for one in self.findings)


def assess(facts: ProbeFacts, *, controls: Sequence[Control] = CONTROLS) -> tuple[ControlFinding, ...]:
    """Ask every control. Never raises for what a probe cannot find out: that is 未评估, with the reason."""
    answers_given = [(control, _ask(control, facts)) for control in controls]
    return tuple(  # leaves last: by now the record of this assessment is in the log, too
        ControlFinding(
            control=control,
            status=answer.status,
            evidence=answer.evidence,
            leaf=_leaf(facts.log, answer.record or facts.record),
        )
        for control, answer in answers_given
    )


def _ask(control: Control, facts: ProbeFacts) -> ProbeAnswer:
    if control.from_grade > facts.grade.grade:
        return answer_with(Status.NOT_APPLICABLE, "from-grade", grade=control.from_grade)
    try:
        return PROBES[control.probe](facts) if control.probe else _person_answer(control, facts)
    except _CANNOT_TELL as failure:  # the others still must
        _log.exception("probe %s", control.probe)
        return answer_with(
            Status.NOT_ASSESSED, "probe-failed", why=str(getattr(failure, "code", type(failure).__name__))
        )


def _person_answer(control: Control, facts: ProbeFacts) -> ProbeAnswer:
    """What a person said, as long as it counts: the date is looked at here, and no job has to run for it to be over."""
    given = facts.last_answer(control.id)
    if given is None:
        return answer_with(Status.NOT_ASSESSED, "asks-a-person")
    words = {"who": given.answered_by, "at": timestamp(given.answered_at), "until": timestamp(given.expires_at)}
    if given.expires_at <= facts.now:
        return answer_with(Status.NOT_ASSESSED, "answer-over", record=given.record, **words)
    if any(f" {answers.name} " in one for one in facts.contradictions()):  # also of another: the last may be missing
        return answer_with(Status.NOT_ASSESSED, "answers-contradict-records")
    return answer_with(given.status, "answered", record=given.record, reason=given.reason, **words)


def _leaf(log: Log, record: str) -> int | None:
    """The newest leaf under this id, read behind its proof."""
    try:
        for leaf in search(log.index, Query(request=record, limit=1)).leaves:
            log.read(leaf)
            return leaf
    except (AuditError, OSError):
        _log.exception("leaf of %s", record)
    return None


class Assessments:
    """Every run there was. Called from threads."""

    def __init__(self, database: Database, *, mint: Callable[[], str]) -> None:
        self._database, self._mint = database, mint

    def keep(self, facts: ProbeFacts, findings: Sequence[ControlFinding], act: Act) -> Assessment:
        """Store one run, of the moment of its facts, and return it."""
        assessment = Assessment(
            id=self._mint(), system=facts.system, grade=facts.grade, run_by=act.actor, run_at=facts.now,
            findings=tuple(findings), record=act.record,
        )  # fmt: skip
        row = {
            "id": assessment.id, "system": assessment.system, "s": assessment.grade.s, "a": assessment.grade.a,
            "run_by": assessment.run_by, "run_at": assessment.run_at,
            "findings": json.dumps([_plain(one) for one in findings]), "record": assessment.record,
        }  # fmt: skip
        with self._database.transaction() as connection:
            connection.execute(sa.insert(assessments).values(row))
            act.witness(connection, assessments, assessment.id)
        return assessment

    def history(self, system: str, *, limit: int = PAGE) -> list[Assessment]:
        """Return the last runs, newest first."""
        query = sa.select(assessments).where(assessments.c.system == system)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(assessments.c.id.desc()).limit(limit)).mappings()
            return [_assessment(row) for row in rows]

    def find(self, system: str, identifier: str) -> Assessment:
        """Return one run. Raises AssessmentUnknown."""
        query = sa.select(assessments).where(assessments.c.system == system, assessments.c.id == identifier)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise AssessmentUnknown(identifier)
        return _assessment(row)


def _plain(finding: ControlFinding) -> Mapping[str, object]:
    return {
        "control": asdict(finding.control),  # as it was then
        "status": finding.status,
        "evidence": [{"code": one.code, "values": dict(one.values)} for one in finding.evidence],
        "leaf": finding.leaf,
    }


def _assessment(row: sa.RowMapping) -> Assessment:
    findings = tuple(
        ControlFinding(
            control=Control(**one["control"]),
            status=Status(one["status"]),
            evidence=tuple(Evidence(said["code"], said["values"]) for said in one["evidence"]),
            leaf=one["leaf"],
        )
        for one in json.loads(row["findings"])
    )
    return Assessment(
        id=row["id"], system=row["system"], grade=Grade(s=row["s"], a=row["a"]), run_by=row["run_by"],
        run_at=row["run_at"], findings=findings, record=row["record"],
    )  # fmt: skip
