"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable
from datetime import datetime

from authz.lease import Receipt
from authz.register import Register
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.systems import api
from console.systems.control_pages import ControlPages
from console.systems.pages import SystemPages
from grading.assess import Assessments
from grading.control_answers import ControlAnswers
from grading.evidence import ProbeFacts
from grading.grades import Grades
from idp.directory import Directory


def open_desk(
    frame: Frame,
    *,
    grades: Grades,
    assessments: Assessments,
    answers: ControlAnswers,
    facts: Callable[[str, str], ProbeFacts],
    register: Register,
    directory: Directory,
    effective: Callable[[int], Receipt],
    clock: Callable[[], datetime],
) -> Desk:
    """Grades, self-assessments and answers; `facts(system, record)` is what may be looked at now."""
    pages = SystemPages(
        frame,
        register=register,
        directory=directory,
        grades=grades,
        assessments=assessments,
        answers=answers,
        clock=clock,
        facts=facts,
        effective=effective,
    )
    controls = ControlPages(frame, register=register, directory=directory, answers=answers, clock=clock)
    return Desk(
        pages=(pages.blueprint(), controls.blueprint()),
        api=(
            api.systems(register, grades, effective),
            api.answers(answers, clock),
            api.assessments(assessments, facts),
        ),
    )
