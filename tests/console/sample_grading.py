"""Sample values of the pages about grades and self-assessments."""

from collections.abc import Iterator, Mapping

from console.grading_words import EVIDENCE, MARKS
from grading.assess import CONTROLS, Assessment, Finding
from grading.classify import MATRIX, Grade, Harm, Harmed
from grading.evidence import Evidence, Status
from grading.grades import Answers, Graded
from tests.console.sample_frame import CSRF, NOW, page

_VALUES = dict.fromkeys(
    ("paths", "count", "who", "what", "origin", "days", "offices", "office", "label", "grade", "table", "row", "names",
     "ids", "records", "root", "first", "seconds", "at", "record", "which", "why"), "<b>&"
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
    graded = Graded(
        id="1", system="housing", grade=Grade(3, 2), answers=answers, proposed_by="user:1", approved_by="user:2",
        proposed_at=NOW, record="1",
    )  # fmt: skip
    asked = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "<b>"}
    one = {
        "page": page("/systems"), "system": "housing", "name": "房产 <b>", "now": Grade(3, 2), "label": 3, "assessments": [made],
        "history": [{"of": graded, "by": "郑伟", "with": "冯静"}, {"of": graded, "by": "", "with": ""}], "asked": asked,
        "wanted": None, "errors": [], "harmed": list(Harmed), "harm": list(Harm), "basis_chars": 400, "marks": MARKS,
        "matrix": {(a.value, b.value): MATRIX[a, b] for a in Harmed for b in Harm}, "csrf": CSRF,
    }  # fmt: skip
    yield "system.html", "first", one
    wanted = {"grade": Grade(2, 2), "label": 2, "recovery_class": 2, "controls": 9, "controls_now": 12, "lower": True}
    yield "system.html", "lower", one | {"wanted": wanted}
    empty = dict.fromkeys(asked, "")
    errors = [{"field": "s_harm", "code": "basis-missing"}]
    yield "system.html", "new", one | {"now": None, "history": [], "assessments": [], "asked": empty, "errors": errors}
    told = {
        "page": page("/systems"), "system": "housing", "name": "房产 <b>", "owner": "住建局", "made": made, "marks": MARKS,
        "run_by": {"id": "user:1", "name": "郑伟"}, "counts": {status.value: made.count(status) for status in Status},
        "lang_zh": True,
    }  # fmt: skip
    yield "assessment.html", "first", told


def _assessment() -> Assessment:
    """Every sentence of evidence, every status, and a record that was not reached."""
    evidence = tuple(Evidence(code, _VALUES) for code in EVIDENCE)
    findings = tuple(
        Finding(
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
