"""The systems desk: the systems with their grades, the proposal of a grade, and the self-assessments."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug import Response as Answer

from authz.label import Label
from authz.lease import Receipt
from authz.register import Register, System
from console.shell.act import check_csrf
from console.shell.frame import Frame
from console.shell.grading_words import MARKS
from console.shell.names import name_in
from console.shell.receipts import Receipts
from console.systems.answerers import answerers, with_names
from console.systems.report import document
from gateway.local import exchange
from grading.assess import CONTROLS, Assessment, Assessments, assess
from grading.classify import MATRIX, Grade, Harm, Harmed
from grading.control_answers import ControlAnswers
from grading.errors import BasisMissing, SystemUnknown
from grading.evidence import Facts, Status
from grading.grades import BASIS_CHARS, Answers, Grades
from grading.report import typeset
from idp.directory import Directory

_QUESTIONS = ("s_harmed", "s_harm", "a_harmed", "a_harm")


class SystemPages:
    """The views of the security administrator; `facts(system, record)` is what may be looked at now."""

    def __init__(
        self,
        frame: Frame,
        *,
        register: Register,
        directory: Directory,
        grades: Grades,
        assessments: Assessments,
        answers: ControlAnswers,
        clock: Callable[[], datetime],
        facts: Callable[[str, str], Facts],
        effective: Callable[[int], Receipt],
        receipts: Receipts,
    ) -> None:
        self._frame, self._register, self._directory = frame, register, directory
        self._grades, self._assessments, self._facts, self._effective = grades, assessments, facts, effective
        self._answers, self._clock = answers, clock
        self._receipts = receipts

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views = Blueprint("grading", __name__, url_prefix="/systems")
        views.get("")(self.systems)
        views.get("/<system>")(self.system)
        views.post("/<system>/grade")(self.propose)
        views.post("/<system>/assessments")(self.run)
        views.get("/<system>/assessments/<assessment>")(self.assessment)
        views.get("/<system>/assessments/<assessment>/report.pdf")(self.report)
        return views

    def systems(self) -> Answer:
        """Every system with its grade, and how many stand where in S × A."""
        systems, lang, tree = self._register.systems(), self._frame.lang(), self._directory.departments()
        rows = [
            {
                "id": one.id,
                "name": name_in(one, lang),
                "owner": name_in(tree[one.department], lang) if one.department in tree else one.department,
                "grade": _grade(one.s, one.a),
                "label": int(one.label),
                "last": next(iter(self._assessments.of(one.id, limit=1)), None),
            }
            for one in systems.values()
        ]
        counts = Counter((one.s, one.a) for one in systems.values())
        return self._frame.page("systems.html", systems=rows, counts=counts, marks=MARKS)

    def system(self, system: str) -> Answer:
        """One system: its grades, what the answers in the query would make of it, and its assessments."""
        asked = {name: request.args.get(name, "") for name in (*_QUESTIONS, "basis")}
        wanted, errors = _answers(asked) if any(asked.values()) else (None, [])
        return self._shown(system, asked=asked, wanted=wanted, errors=errors)

    def propose(self, system: str) -> Answer:
        """Grade it, as a second person has approved."""
        check_csrf()
        asked = {name: request.form.get(name, "") for name in (*_QUESTIONS, "basis")}
        wanted, errors = _answers(asked)
        if wanted is None:
            return self._shown(system, asked=asked, wanted=None, errors=errors)
        talk = exchange()
        inbound, actor = talk.recorded.inbound, talk.recorded.identity.subject
        _, epoch, told = self._grades.propose(system, wanted, actor=actor, approver=inbound.approver, record=inbound.id)
        talk.recorded.notes.update(told, grade=str(wanted.grade))
        return self._receipts.redirect_with(f"/systems/{system}", "grade-set", self._effective(epoch))

    def run(self, system: str) -> Answer:
        """Assess it now."""
        check_csrf()
        return redirect(f"/systems/{system}/assessments/{run(self._facts, self._assessments, system).id}", 303)

    def assessment(self, system: str, assessment: str) -> Answer:
        """Every control of one assessment with its status and what it rests on."""
        made = self._assessments.one(system, assessment)
        return self._frame.page("assessment.html", **self._told(made))

    def report(self, system: str, assessment: str) -> Answer:
        """The same as a document, in Chinese."""
        told = self._told(self._assessments.one(system, assessment))
        made = told["made"]
        answer = Response(typeset(**document(made, told, self._frame.renderer)))
        answer.headers["content-type"] = "application/pdf"
        answer.headers["content-disposition"] = f'inline; filename="{made.id}.pdf"'
        return answer

    def _told(self, made: Assessment) -> dict[str, Any]:
        one = self._one(made.system)
        lang, tree = self._frame.lang(), self._directory.departments()
        people = self._directory.names([made.run_by, *answerers(made)])
        return {
            "system": made.system,
            "name": name_in(one, lang),
            "owner": name_in(tree[one.department], lang) if one.department in tree else one.department,
            "made": with_names(made, people),
            "run_by": {"id": made.run_by, "name": people.get(made.run_by, "")},
            "counts": {status.value: made.count(status) for status in Status},
            "marks": MARKS,
            "lang_zh": lang == "zh-CN",
        }

    def _one(self, system: str) -> System:
        try:
            return self._register.systems()[system]
        except KeyError:
            raise SystemUnknown(system) from None

    def _shown(
        self, system: str, *, asked: Mapping[str, str], wanted: Answers | None, errors: list[dict[str, str]]
    ) -> Answer:
        one, lang = self._one(system), self._frame.lang()
        actor, grade = exchange().recorded.identity, _grade(one.s, one.a)
        history = self._grades.of(system)
        people = self._directory.names([who for each in history for who in (each.proposed_by, each.approved_by)])
        return self._frame.page(
            "system.html",
            status=422 if errors else 200,
            system=system,
            name=name_in(one, lang),
            now=grade,
            label=int(one.label),
            history=[
                {"of": each, "by": people.get(each.proposed_by, ""), "with": people.get(each.approved_by, "")}
                for each in history
            ],
            assessments=self._assessments.of(system),
            controls=self._answers.asked(system) if grade else [],
            clock=self._clock(),
            lang_zh=lang == "zh-CN",
            asked=asked,
            wanted=_effect(wanted, grade) if wanted else None,
            errors=errors,
            harmed=[one.value for one in Harmed],
            harm=[one.value for one in Harm],
            matrix={(row.value, column.value): MATRIX[row, column] for row in Harmed for column in Harm},
            basis_chars=BASIS_CHARS,
            marks=MARKS,
            csrf=actor.csrf,
            receipt=self._receipts.read(f"/systems/{system}"),
        )


def run(facts: Callable[[str, str], Facts], assessments: Assessments, system: str) -> Assessment:
    """Assess `system` now, in the name of whoever asks. Raises SystemUnknown, Ungraded."""
    talk = exchange()
    looked = facts(system, talk.recorded.inbound.id)
    made, told = assessments.keep(looked, assess(looked), actor=talk.recorded.identity.subject)
    talk.recorded.notes.update(told)
    talk.recorded.notes.update({status.value: made.count(status) for status in Status})
    return made


def _grade(s: int | None, a: int | None) -> Grade | None:
    return Grade(s=s, a=a) if s is not None and a is not None else None


def _answers(asked: Mapping[str, str]) -> tuple[Answers | None, list[dict[str, str]]]:
    try:
        return Answers.read(asked), []
    except BasisMissing as missing:
        return None, [{"field": missing.field, "code": missing.code}]


def _effect(wanted: Answers, now: Grade | None) -> dict[str, Any]:
    """What saving would change."""
    grade = wanted.grade
    return {
        "grade": grade,
        "label": int(Label(grade.s)),
        "recovery_class": grade.recovery_class,
        "controls": sum(one.from_grade <= grade.grade for one in CONTROLS),
        "controls_now": sum(one.from_grade <= now.grade for one in CONTROLS) if now else 0,
        "lower": now is not None and (grade.s < now.s or grade.a < now.a),
    }
