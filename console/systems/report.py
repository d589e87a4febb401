"""An assessment in the words of its document: always Chinese, for those who file it are."""

from collections.abc import Mapping
from typing import Any

from audit.city_time import CITY_TIME
from console.shell.render import Lang, Renderer
from console.systems.words import GRADING, MARKS
from grading.assess import Assessment, ControlFinding
from grading.evidence import Status

_ZH: Lang = "zh-CN"


def document(made: Assessment, told: Mapping[str, Any], renderer: Renderer) -> dict[str, Any]:
    """What `grading.report.typeset` takes."""
    at = f"{made.run_at.astimezone(CITY_TIME):%Y-%m-%d %H:%M:%S} UTC+8"

    def say(sentence: str, **values: object) -> str:
        return renderer.say(_ZH, sentence, **values)

    return {
        "title": say("Self-assessment of %(name)s", name=told["name"]),
        "facts": [
            (say("System"), f"{told['name']} ({made.system})"),
            (say("Owner"), told["owner"]),
            (say("Grade"), say("Grade %(grade)s (%(code)s)", grade=made.grade.grade, code=str(made.grade))),
            (say("Number"), made.id),
            (say("Time"), at),
            (say("Run by"), told["run_by"]["name"] or made.run_by),
        ],
        "counts": [(f"{MARKS[one]} {say(GRADING[one])}", made.count(one)) for one in Status],
        "heads": [say("Clause"), say("Requirement"), say("Status"), say("Evidence"), say("Record")],
        "rows": [_row(one, renderer) for one in made.findings],
        "note": say("Self-assessment, not the conclusion of a testing body"),
        "at": at,
    }


def evidence(finding: ControlFinding, renderer: Renderer, lang: Lang) -> str:
    """Everything that was seen, in a line."""
    return "; ".join(renderer.evidence(lang, one) for one in finding.evidence)


def _row(finding: ControlFinding, renderer: Renderer) -> tuple[str, ...]:
    status = f"{MARKS[finding.status]} {renderer.say(_ZH, GRADING[finding.status])}"
    leaf = "–" if finding.leaf is None else str(finding.leaf)
    return finding.control.clause, finding.control.zh, status, evidence(finding, renderer, _ZH), leaf
