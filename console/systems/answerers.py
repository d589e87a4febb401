"""What people answered, as an assessment shows it: persons by name, moments as days of the city."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from audit.city_time import CITY_TIME
from grading.assess import Assessment
from grading.evidence import Evidence

_BY_PEOPLE = {"answered", "answer-over"}


def answerers(made: Assessment) -> Iterator[str]:
    """The ids of whoever answered; what is kept names nobody (law 5)."""
    said = (seen for one in made.findings for seen in one.evidence if seen.code in _BY_PEOPLE)
    return (str(seen.values["who"]) for seen in said)


def with_names(made: Assessment, names: Mapping[str, str]) -> Assessment:
    """The same, to be read."""
    findings = (replace(one, evidence=tuple(_shown(seen, names) for seen in one.evidence)) for one in made.findings)
    return replace(made, findings=tuple(findings))


def _shown(seen: Evidence, names: Mapping[str, str]) -> Evidence:
    if seen.code not in _BY_PEOPLE:
        return seen
    who = str(seen.values["who"])
    days = {name: _day(str(seen.values[name])) for name in ("at", "until")}
    return Evidence(seen.code, {**seen.values, **days, "who": names.get(who, who)})


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(CITY_TIME).date().isoformat()
