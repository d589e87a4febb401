"""`/api/v1/systems`: grades and self-assessments for commands and programs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import Schema, fields

from audit.event import timestamp
from authz.lease import Receipt
from authz.register import Register
from console.shell.act import current_act
from console.shell.problem import refuse_with
from console.shell.receipts import receipt_json
from console.shell.views import ApiViews
from console.systems.acts import answer_control, propose_grade, run_assessment
from console.systems.forms import wrong_with_answer
from grading.assess import Assessment, Assessments
from grading.control_answers import ControlAnswers
from grading.evidence import ProbeFacts, Status
from grading.grades import Answers, Grades


class GradeBody(Schema):
    """Two questions each for S and A, and why."""

    s_harmed = fields.String(required=True)
    s_harm = fields.String(required=True)
    a_harmed = fields.String(required=True)
    a_harm = fields.String(required=True)
    basis = fields.String(required=True)


class ControlTerms(Schema):
    """A status, what it rests on, and until when the answer counts."""

    status = fields.String(required=True)
    reason = fields.String(required=True)
    until = fields.AwareDateTime(required=True)


def systems(register: Register, grades: Grades, effective: Callable[[int], Receipt]) -> ApiViews:
    """The systems and their grades."""
    routes = ApiViews("systems", __name__, url_prefix="/api/v1/systems")

    @routes.route("")
    class Systems(MethodView):
        def get(self) -> dict[str, Any]:
            """Every system."""
            return {
                "items": [
                    {"id": one.id, "department": one.department, "s": one.s, "a": one.a, "label": int(one.label)}
                    for one in register.systems().values()
                ]
            }

    @routes.route("/{system}/grade")
    class GradeProposal(MethodView):
        @routes.arguments(GradeBody)
        def post(self, body: dict[str, str], system: str) -> dict[str, Any]:
            """Grade the system, as a second person has approved."""
            act = current_act()
            entry, receipt = propose_grade(grades, act, system, Answers.read(body), effective=effective)
            grade = entry.grade
            return {
                "system": system,
                "s": grade.s,
                "a": grade.a,
                "grade": grade.grade,
                "label": int(grade.label),
                "recovery_class": grade.recovery_class,
                "receipt": receipt_json(receipt),
            }

    return routes


def answers(control_answers: ControlAnswers, clock: Callable[[], datetime]) -> ApiViews:
    """What people answer where no probe can look."""
    routes = ApiViews("control-answers", __name__, url_prefix="/api/v1/systems/{system}/controls/{control}/answer")

    @routes.route("")
    class AnswerToControl(MethodView):
        @routes.arguments(ControlTerms)
        def post(self, body: dict[str, Any], system: str, control: str) -> Response | tuple[dict[str, Any], int]:
            """Answer the control, in one's own name, until a date."""
            act = current_act()
            status, reason, until = body["status"], body["reason"], body["until"]
            if errors := list(wrong_with_answer(status, reason, until=until, now=clock())):
                return refuse_with("request-invalid", errors)
            given = answer_control(
                control_answers, act, system, control, status=Status(status), reason=reason, until=until
            )
            terms = {"status": given.status, "reason": given.reason, "until": timestamp(given.expires_at)}
            by = {"answered_by": given.answered_by, "answered_at": timestamp(given.answered_at)}
            return {"system": system, "control": control, **terms, **by, "record": given.record}, 201

    return routes


def assessments(runs: Assessments, facts: Callable[[str, str], ProbeFacts]) -> ApiViews:
    """The self-assessments of a system."""
    routes = ApiViews("assessments-api", __name__, url_prefix="/api/v1/systems/{system}/assessments")

    @routes.route("")
    class Runs(MethodView):
        def get(self, system: str) -> dict[str, Any]:
            """The last runs, newest first."""
            return {"items": [{"id": one.id, "run_at": timestamp(one.run_at)} for one in runs.history(system)]}

        def post(self, system: str) -> tuple[dict[str, Any], int]:
            """Assess the system now."""
            return _assessment(run_assessment(runs, current_act(), system, facts=facts)), 201

    @routes.route("/{assessment}")
    class OneRun(MethodView):
        def get(self, system: str, assessment: str) -> dict[str, Any]:
            """One run with every control."""
            return _assessment(runs.find(system, assessment))

    return routes


def _assessment(made: Assessment) -> dict[str, Any]:
    """Return a run as JSON: `controls[]` with `method`, `status`, `evidence` and the `leaf` it rests on."""
    return {
        "id": made.id,
        "system": made.system,
        "grade": made.grade.grade,
        "code": str(made.grade),
        "kind": "self-assessment",
        "run_at": timestamp(made.run_at),
        "run_by": made.run_by,
        "controls": [
            {
                "id": one.control.id,
                "clause": one.control.clause,
                "certainty": one.control.certainty,
                "domain": one.control.domain,
                "method": one.control.method,
                "status": one.status.value,
                "evidence": [{"code": seen.code, **seen.values} for seen in one.evidence],
                "leaf": one.leaf,
            }
            for one in made.findings
        ],
    }
