"""Grading a system, assessing it, and answering for what no probe can see; for page and API alike."""

from collections.abc import Callable
from datetime import datetime

from authz.lease import Receipt
from grading.assess import Assessment, Assessments, assess
from grading.control_answers import ControlAnswers
from grading.evidence import ControlAnswer, ProbeFacts, Status
from grading.grades import Answers, GradeEntry, Grades
from storage.act import Act


def propose_grade(
    grades: Grades, act: Act, system: str, answers: Answers, *, effective: Callable[[int], Receipt]
) -> tuple[GradeEntry, Receipt]:
    """Give the system the grade that these answers lead to; return it, and the receipt that every gateway knows.

    `effective(epoch)` waits until every gateway decides by it. Raises SystemUnknown.
    """
    entry, epoch = grades.propose(system, answers, act)
    act.note({"grade": str(entry.grade)})
    return entry, effective(epoch)


def run_assessment(
    assessments: Assessments, act: Act, system: str, *, facts: Callable[[str, str], ProbeFacts]
) -> Assessment:
    """Assess the system now; `facts(system, record)` is what may be looked at. Raises SystemUnknown, Ungraded."""
    seen = facts(system, act.record)
    assessment = assessments.keep(seen, assess(seen), act)
    act.note({status.value: assessment.count(status) for status in Status})
    return assessment


def answer_control(
    answers: ControlAnswers, act: Act, system: str, control: str, *, status: Status, reason: str, until: datetime
) -> ControlAnswer:
    """Answer in one's own name for a control that no probe judges. Raises as `ControlAnswers.give` does."""
    answer = answers.give(system, control, status, act, reason=reason, until=until)
    act.note({"status": status, "until": until.isoformat(timespec="seconds")})
    return answer
