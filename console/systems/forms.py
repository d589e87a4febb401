"""What is filled in on this desk, read and checked: the questions of a grade, and the answer to a control."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from console.shell.terms import wrong_with_terms
from grading.control_answers import ANSWERS
from grading.errors import BasisMissing
from grading.grades import Answers

QUESTIONS = ("s_harmed", "s_harm", "a_harmed", "a_harm")


def read_answers(fields: Mapping[str, str]) -> tuple[Answers | None, list[dict[str, str]]]:
    """Return the answers that a grade is proposed from, or None with what is wrong, by field."""
    try:
        return Answers.read(fields), []
    except BasisMissing as missing:
        return None, [{"field": missing.field, "code": missing.code}]


def wrong_with_answer(status: str, reason: str, *, until: datetime | None, now: datetime) -> Iterator[dict[str, str]]:
    """What cannot be accepted of an answer to a control, by field."""
    if status not in ANSWERS:
        yield {"field": "status", "code": "result-unknown"}
    yield from wrong_with_terms(reason=reason, until=until, now=now)
