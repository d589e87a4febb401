"""What is typed into the forms of this desk and sent to its API, and what cannot be accepted of it."""

from collections.abc import Mapping
from datetime import datetime

from audit.city_time import CITY_TIME
from catalogue.description import DESCRIBED, PURPOSE_CHARS, clean_texts, wrong_with_description, wrong_with_text
from console.shell.terms import wrong_with_until

LONGEST_DAYS = 366  # of a share


def description_in(form: Mapping[str, str]) -> dict[str, str]:
    """Return the nine fields of a form; a description typed in several lines is one paragraph."""
    return clean_texts({**form, "description": " ".join(form.get("description", "").splitlines())}, DESCRIBED)


def wrong_with_version(description: Mapping[str, str], *, now: datetime) -> list[dict[str, str]]:
    """Return what cannot be accepted of the nine fields."""
    return list(wrong_with_description(description, today=now.astimezone(CITY_TIME).date()))


def wrong_with_share_request(*, purpose: str, until: datetime | None, now: datetime) -> list[dict[str, str]]:
    """Return what cannot be accepted of a share that is asked for."""
    wrong = wrong_with_text(purpose, field="purpose", longest=PURPOSE_CHARS)
    return [*wrong, *wrong_with_until(until, now=now, days=LONGEST_DAYS)]
