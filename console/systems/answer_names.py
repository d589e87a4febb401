"""What people answered, as an assessment shows it: persons by name, moments as days of the city."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from audit.city_time import CITY_TIME
from grading.assess import Assessment
from grading.evidence import Evidence

_BY_PEOPLE = {"answered", "answer-over"}


def answerer_ids(assessment: Assessment) -> Iterator[str]:
    """Yield the ids of whoever answered. What is stored names nobody (law 5)."""
    said = (seen for one in assessment.findings for seen in one.evidence if seen.code in _BY_PEOPLE)
    return (str(seen.values["who"]) for seen in said)


def with_answerer_names(assessment: Assessment, names: Mapping[str, str]) -> Assessment:
    """Return the assessment with the names of whoever answered instead of their ids."""
    findings = (
        replace(one, evidence=tuple(_shown(seen, names) for seen in one.evidence)) for one in assessment.findings
    )
    return replace(assessment, findings=tuple(findings))


def _shown(seen: Evidence, names: Mapping[str, str]) -> Evidence:
    if seen.code not in _BY_PEOPLE:
        return seen
    who = str(seen.values["who"])
    days = {name: _day(str(seen.values[name])) for name in ("at", "until")}
    return Evidence(seen.code, {**seen.values, **days, "who": names.get(who, who)})


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(CITY_TIME).date().isoformat()
