"""Sample values of the pages about grades and self-assessments."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from console.systems.words import EVIDENCE, MARKS
from grading.assess import CONTROLS, Assessment, ControlFinding
from grading.classify import MATRIX, Grade, Harm, Harmed
from grading.control_answers import ANSWERS, HumanControl
from grading.controls import Control
from grading.evidence import ControlAnswer, Evidence, Status
from grading.grades import Answers, GradeEntry
from tests.console.sample_frame import CSRF, NOW, RECEIPT, page

_VALUES = dict.fromkeys(
    ("paths", "count", "who", "what", "origin", "days", "offices", "office", "label", "grade", "table", "row", "names",
     "ids", "records", "root", "first", "seconds", "at", "record", "which", "why", "reason", "until"), "<b>&"
)  # fmt: skip


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    made = _assessment()
    row = {"id": "housing", "name": "房产 <b>", "owner": "住建局", "grade": Grade(3, 2), "label": 3, "last": made}
    counts = {(s, a): int((s, a) == (3, 2)) for s in range(1, 6) for a in range(1, 6)}
    systems = {
        "page": page("/systems"),
        "systems": [row, row | {"grade": None, "last": None}],
        "counts": counts,
        "marks": MARKS,
    }
    yield "systems.html", "first", systems
    answers = Answers(
        s_harmed=Harmed.SOCIETY, s_harm=Harm.SERIOUS, a_harmed=Harmed.SOCIETY, a_harm=Harm.GENERAL, basis="<b>"
    )
    graded = GradeEntry(
        id="1", system="housing", grade=Grade(3, 2), answers=answers, proposed_by="user:1", approved_by="user:2",
        proposed_at=NOW, record="1",
    )  # fmt: skip
    asked = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "<b>"}
    said = ControlAnswer(
        status=Status.MET, reason="<b>门禁", expires_at=NOW + timedelta(days=1), answered_by="user:1", answered_at=NOW,
        record="1",
    )  # fmt: skip
    over = replace(said, expires_at=NOW)
    human = [control for control in CONTROLS if not control.probe]
    controls = [HumanControl(human[0], said), HumanControl(human[1], over), HumanControl(human[2], None)]
    one = {
        "page": page("/systems"), "system": "housing", "name": "房产 <b>", "now": Grade(3, 2), "label": 3, "assessments": [made],
        "history": [{"of": graded, "by": "郑伟", "with": "冯静"}, {"of": graded, "by": "", "with": ""}], "asked": asked,
        "wanted": None, "errors": [], "harmed": list(Harmed), "harm": list(Harm), "basis_chars": 400, "marks": MARKS,
        "matrix": {(a.value, b.value): MATRIX[a, b] for a in Harmed for b in Harm}, "csrf": CSRF,
        "controls": controls, "clock": NOW, "lang_zh": True,
        "receipt": None,
    }  # fmt: skip
    yield "system.html", "first", one | {"receipt": RECEIPT | {"what": "grade-set"}}
    wanted = {"grade": Grade(2, 2), "label": 2, "recovery_class": 2, "controls": 9, "controls_now": 12, "lower": True}
    yield "system.html", "lower", one | {"wanted": wanted}
    empty = dict.fromkeys(asked, "")
    errors = [{"field": "s_harm", "code": "basis-missing"}]
    yield (
        "system.html",
        "new",
        one | {"now": None, "history": [], "controls": [], "assessments": [], "asked": empty, "errors": errors},
    )
    yield from _control(human[0], said, over)
    told = {
        "page": page("/systems"), "system": "housing", "name": "房产 <b>", "owner": "住建局", "made": made, "marks": MARKS,
        "run_by": {"id": "user:1", "name": "郑伟"}, "counts": {status.value: made.count(status) for status in Status},
        "lang_zh": True,
    }  # fmt: skip
    yield "assessment.html", "first", told


def _control(
    control: Control, said: ControlAnswer, over: ControlAnswer
) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    filled = {"status": "", "reason": "", "until": "2027-01-31"}
    first = {
        "page": page("/systems"), "system": "housing", "name": "房产 <b>", "control": control, "lang_zh": True, "now": NOW,
        "history": [(said, "郑伟 <b>"), (over, "user:2")], "filled": filled, "errors": [], "statuses": ANSWERS, "marks": MARKS,
        "reason_chars": 200, "receipt": {"what": "control-answered"}, "csrf": CSRF,
    }  # fmt: skip
    yield "control.html", "first", first
    wrong = [{"field": "status", "code": "result-unknown"}, {"field": "until", "code": "date-too-far"}]
    yield "control.html", "wrong", first | {"history": [], "errors": wrong, "receipt": None}
    yield "control.html", "over", first | {"history": [(over, "郑伟")], "receipt": None, "lang_zh": False}


def _assessment() -> Assessment:
    """Every sentence of evidence, every status, and a record that was not reached."""
    evidence = tuple(Evidence(code, _VALUES) for code in EVIDENCE)
    findings = tuple(
        ControlFinding(
            control=control,
            status=list(Status)[number % 5],
            evidence=evidence if number == 0 else evidence[number : number + 1],
            leaf=number or None,
        )
        for number, control in enumerate(CONTROLS)
    )
    return Assessment(
        id="01KB3", system="housing", grade=Grade(3, 2), run_by="user:1", run_at=NOW, findings=findings, record="1"
    )
