"""The systems desk: the systems with their grades, the proposal of a grade, and the self-assessments."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Response, redirect, request
from werkzeug import Response as Answer

from authz.label import Label
from authz.lease import Receipt
from authz.register import Register, System
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.problem import form_status
from console.shell.views import PageViews
from console.systems.acts import propose_grade, run_assessment
from console.systems.answer_names import answerer_ids, with_answerer_names
from console.systems.forms import QUESTIONS, read_answers
from console.systems.report import document
from console.systems.words import MARKS
from grading.assess import CONTROLS, Assessment, Assessments
from grading.classify import MATRIX, Grade, Harm, Harmed
from grading.control_answers import ControlAnswers
from grading.errors import SystemUnknown
from grading.evidence import ProbeFacts, Status
from grading.grades import BASIS_CHARS, Answers, Grades
from grading.report import typeset
from idp.directory import Directory


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
        facts: Callable[[str, str], ProbeFacts],
        effective: Callable[[int], Receipt],
    ) -> None:
        self._frame, self._register, self._directory = frame, register, directory
        self._grades, self._assessments, self._facts, self._effective = grades, assessments, facts, effective
        self._answers, self._clock = answers, clock

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("grading", __name__, url_prefix="/systems")
        views.get("")(self.systems)
        views.get("/{system}")(self.system)
        views.post("/{system}/grade")(self.propose)
        views.post("/{system}/assessments")(self.run)
        views.get("/{system}/assessments/{assessment}")(self.assessment)
        views.get("/{system}/assessments/{assessment}/report.pdf")(self.report)
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
                "last": next(iter(self._assessments.history(one.id, limit=1)), None),
            }
            for one in systems.values()
        ]
        counts = Counter((one.s, one.a) for one in systems.values())
        return self._frame.page("systems.html", systems=rows, counts=counts, marks=MARKS)

    def system(self, system: str) -> Answer:
        """One system: its grades, what the answers in the query would make of it, and its assessments."""
        fields = {name: request.args.get(name, "") for name in (*QUESTIONS, "basis")}
        wanted, errors = read_answers(fields) if any(fields.values()) else (None, [])
        return self._system_page(system, fields=fields, wanted=wanted, errors=errors)

    def propose(self, system: str) -> Answer:
        """Grade it, as a second person has approved."""
        act = current_act()
        fields = {name: request.form.get(name, "") for name in (*QUESTIONS, "basis")}
        wanted, errors = read_answers(fields)
        if wanted is None:
            return self._system_page(system, fields=fields, wanted=None, errors=errors)
        _, receipt = propose_grade(self._grades, act, system, wanted, effective=self._effective)
        return self._frame.receipts.redirect_with(f"/systems/{system}", "grade-set", receipt)

    def run(self, system: str) -> Answer:
        """Assess it now."""
        assessment = run_assessment(self._assessments, current_act(), system, facts=self._facts)
        return redirect(f"/systems/{system}/assessments/{assessment.id}", 303)

    def assessment(self, system: str, assessment: str) -> Answer:
        """One assessment: every control with its status and what it rests on."""
        return self._frame.page("assessment.html", **self._values(self._assessments.find(system, assessment)))

    def report(self, system: str, assessment: str) -> Answer:
        """The same as a document, in Chinese."""
        values = self._values(self._assessments.find(system, assessment))
        named = values["made"]
        answer = Response(typeset(**document(named, values, self._frame.renderer)))
        answer.headers["content-type"] = "application/pdf"
        answer.headers["content-disposition"] = f'inline; filename="{named.id}.pdf"'
        return answer

    def _values(self, made: Assessment) -> dict[str, Any]:
        """What page and document show of a run."""
        one = self._register_entry(made.system)
        lang, tree = self._frame.lang(), self._directory.departments()
        people = self._directory.names([made.run_by, *answerer_ids(made)])
        return {
            "system": made.system,
            "name": name_in(one, lang),
            "owner": name_in(tree[one.department], lang) if one.department in tree else one.department,
            "made": with_answerer_names(made, people),
            "run_by": {"id": made.run_by, "name": people.get(made.run_by, "")},
            "counts": {status.value: made.count(status) for status in Status},
            "marks": MARKS,
            "lang_zh": lang == "zh-CN",
        }

    def _register_entry(self, system: str) -> System:
        try:
            return self._register.systems()[system]
        except KeyError:
            raise SystemUnknown(system) from None

    def _system_page(
        self, system: str, *, fields: Mapping[str, str], wanted: Answers | None, errors: list[dict[str, str]]
    ) -> Answer:
        one, lang = self._register_entry(system), self._frame.lang()
        grade = _grade(one.s, one.a)
        history = self._grades.history(system)
        people = self._directory.names([who for each in history for who in (each.proposed_by, each.approved_by)])
        return self._frame.page(
            "system.html",
            status=form_status(errors),
            system=system,
            name=name_in(one, lang),
            now=grade,
            label=int(one.label),
            history=[
                {"of": each, "by": people.get(each.proposed_by, ""), "with": people.get(each.approved_by, "")}
                for each in history
            ],
            assessments=self._assessments.history(system),
            controls=self._answers.human_controls(system) if grade else [],
            clock=self._clock(),
            lang_zh=lang == "zh-CN",
            asked=fields,
            wanted=_effect(wanted, grade) if wanted else None,
            errors=errors,
            harmed=[one.value for one in Harmed],
            harm=[one.value for one in Harm],
            matrix={(row.value, column.value): MATRIX[row, column] for row in Harmed for column in Harm},
            basis_chars=BASIS_CHARS,
            marks=MARKS,
            csrf=reader().csrf,
            receipt=self._frame.receipts.read(f"/systems/{system}"),
        )


def _grade(s: int | None, a: int | None) -> Grade | None:
    return Grade(s=s, a=a) if s is not None and a is not None else None


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
