"""Searching the log: what the words of a search mean, which records they find, and one record behind its proof."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from audit.city_time import CITY_TIME
from audit.errors import AuditError
from audit.log import Log
from audit.search import Query, Verified, search
from console.shell.objects import ObjectNames
from gateway.errors import RouteUnknown
from idp.directory import Directory

FIELDS = ("who", "object", "result", "since", "until", "request")
_PAGE_RECORDS = 50
_CURSOR = re.compile(r"[0-9]{1,15}", re.ASCII)
_RESULTS = ("", "permit", "deny", "refused", "ok", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSearch:
    """What a search means: a query for each person of that name and name of the object, or what is wrong by field."""

    queries: Sequence[Query]
    errors: Sequence[Mapping[str, str]]
    facts: Mapping[str, str]  # what the record of the search says of it; a name that was typed is none of that


def read_search(words: Mapping[str, str], directory: Directory, *, objects: ObjectNames, before: str) -> LogSearch:
    """Turn words, one for each of `FIELDS`, into queries for the page after the cursor `before`.

    A name means everybody of that name; a day means the whole day, here (UTC+8); an object is found by every name that
    it ever had.
    """
    facts = {f"asked-{name}": words[name] for name in FIELDS if words[name] and name != "who"}
    days = {name: _day(words[name]) for name in ("since", "until")}
    errors = [{"field": name, "code": "date-invalid"} for name, day in days.items() if words[name] and day is None]
    people = _people(words["who"], directory)
    if not people:
        errors.append({"field": "who", "code": "person-unknown"})
    if words["result"] not in _RESULTS:
        errors.append({"field": "result", "code": "result-unknown"})
    if errors:
        return LogSearch(queries=(), errors=errors, facts=facts)
    until = days["until"]
    common = Query(
        result=words["result"],
        request=words["request"],
        since=days["since"],
        until=until + timedelta(days=1) if until else None,
        before_leaf=int(before) if _CURSOR.fullmatch(before) else None,
        limit=_PAGE_RECORDS,
    )
    names = objects.spellings(words["object"])
    queries = [replace(common, person=person, object=name) for person in people for name in names]
    about = ",".join(people)
    return LogSearch(queries=queries, errors=(), facts=facts | ({"person": about} if about else {}))


def find_leaves(log: Log, queries: Sequence[Query]) -> tuple[list[int], int | None]:
    """The newest leaves any of the queries finds, one page of them, and the cursor of the next page."""
    pages = [search(log.index, query) for query in queries]
    leaves = sorted({leaf for page in pages for leaf in page.leaves}, reverse=True)
    more = len(leaves) > _PAGE_RECORDS or any(page.next is not None for page in pages)
    leaves = leaves[:_PAGE_RECORDS]
    return leaves, leaves[-1] if more and leaves else None


def read_record(log: Log, leaf: int) -> Verified:
    """The record at `leaf` behind its proof. Raises RouteUnknown where there never was one, else AuditError."""
    try:
        return log.read(leaf)
    except AuditError:
        if leaf >= search(log.index, Query(limit=1)).covered:
            raise RouteUnknown from None
        raise


def _day(text: str) -> datetime | None:
    """The beginning of the day, here; None where the text is no date."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, CITY_TIME).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _people(who: str, directory: Directory) -> Sequence[str]:
    """The subject ids that `who` means: itself, or everybody of that name; [""] where nobody is asked for."""
    if not who or who.startswith(("user:", "service:")) or who == "anonymous":
        return [who]
    return directory.ids_of_name(who)
