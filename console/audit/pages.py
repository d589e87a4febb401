"""The audit desk: search the log by person, object, time and result; show one record behind its proof."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from audit.city_time import CITY_TIME
from audit.errors import AuditError
from audit.event import Event
from audit.log import Log
from audit.reconcile import Reconciled
from audit.record import decode
from audit.search import Query, Verified, search
from console.shell.frame import Frame
from gateway.errors import RouteUnknown
from gateway.local import exchange
from idp.directory import Directory

_PAGE_RECORDS = 50
_TEXT_CHARS = 256
_CURSOR = re.compile(r"[0-9]{1,15}", re.ASCII)
_FIELDS = ("who", "object", "result", "since", "until", "request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search form, read: the queries it means (one for each person of that name), and what is wrong with it."""

    queries: Sequence[Query]
    errors: Sequence[Mapping[str, str]]


class AuditPages:
    """The views of the audit administrator: they read everything and change nothing."""

    def __init__(self, frame: Frame, log: Log, directory: Directory, reconciled: Callable[[], Reconciled]) -> None:
        self._frame, self._log, self._directory, self._reconciled = frame, log, directory, reconciled

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views = Blueprint("audit", __name__, url_prefix="/audit")
        views.get("")(self.search)
        views.get("/events/<int:leaf>")(self.event)
        views.get("/reconcile")(self.reconcile)
        return views

    def search(self) -> Response:
        """The search page. The search is itself recorded, with its words as the record's detail."""
        asked = {name: request.args.get(name, "").strip()[:_TEXT_CHARS] for name in _FIELDS}
        meant = ask(asked, self._directory, before=request.args.get("before", ""))
        exchange().recorded.notes.update(words_asked(asked) | people_asked(meant.queries))
        leaves, after = found(self._log, meant.queries)
        rows, broken = self._rows(leaves)
        more = urlencode({**{name: text for name, text in asked.items() if text}, "before": after})
        return self._frame.page(
            "audit_search.html",
            status=422 if meant.errors else 200,
            query=asked,
            errors=meant.errors,
            events=rows,
            broken=broken,
            next_url=f"?{more}" if after else None,
        )

    def event(self, leaf: int) -> Response:
        """One record; it is decoded only if the signed checkpoint includes it."""
        try:
            verified = read_one(self._log, leaf)
        except AuditError as failure:
            return self._frame.page(
                "audit_broken.html", status=500, leaf=leaf, failure=str(failure), search_url="/audit"
            )
        event, checkpoint = verified.event, verified.checkpoint
        leaves, _ = found(self._log, [Query(request=event.id, limit=_PAGE_RECORDS)])
        related, broken = self._rows([one for one in leaves if one != leaf])
        names = self._directory.names([event.subject, *map(str, event.detail.values())])
        return self._frame.page(
            "audit_event.html",
            event=self._told(event, names),
            detail={key: f"{names.get(str(value), '')} {value}".strip() for key, value in event.detail.items()},
            raw=json.dumps(json.loads(decode(verified.record).event[1:]), ensure_ascii=False, indent=2),
            proof={
                "leaf": leaf,
                "hash": verified.leaf_hash,
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "path": len(verified.path),
                "sequence": verified.sequence,
                "spool": verified.spool,
            },
            related=related,
            broken=broken,
            search_url="/audit",
        )

    def reconcile(self) -> Response:
        """Every row that grants, keys or places, held against its record; the comparison is itself recorded."""
        answer = self._reconciled()
        exchange().recorded.notes["found"] = answer.count
        return self._frame.page("audit_reconcile.html", answer=answer, search_url="/audit")

    def _rows(self, leaves: Sequence[int]) -> tuple[list[dict[str, Any]], list[int]]:
        """What can be proven, and the leaves that cannot: one changed record does not hide the others."""
        proven, broken = dict[int, Event](), list[int]()
        for leaf in leaves:
            try:
                proven[leaf] = self._log.read(leaf).event
            except AuditError:
                broken.append(leaf)
        names = self._directory.names(event.subject for event in proven.values())
        return [{"href": f"/audit/events/{leaf}", **self._told(one, names)} for leaf, one in proven.items()], broken

    @staticmethod
    def _told(event: Event, names: Mapping[str, str]) -> dict[str, Any]:
        return {
            "at": event.at,
            "who": {"name": names.get(event.subject, ""), "id": event.subject},
            "kind": event.kind,
            "action": event.action,
            "object": event.object,
            "department": event.department,
            "label": event.label,
            "result": event.result,
            "status": event.status,
            "reason": event.reason,
            "rule": event.rule,
            "request": event.id,
        }


def words_asked(asked: Mapping[str, str]) -> dict[str, str]:
    """What was searched for, for its record; a name that was typed is none of it."""
    return {f"asked-{name}": asked[name] for name in _FIELDS if asked[name] and name != "who"}


def read_one(log: Log, leaf: int) -> Verified:
    """The record at `leaf` behind its proof. Raises RouteUnknown where there never was one, else AuditError."""
    try:
        return log.read(leaf)
    except AuditError:
        if leaf >= search(log.index, Query(limit=1)).covered:
            raise RouteUnknown from None
        raise


def people_asked(queries: Sequence[Query]) -> dict[str, str]:
    """Whom a search was about, for its record."""
    people = ",".join(query.person for query in queries)
    return {"person": people} if people else {}


def ask(asked: Mapping[str, str], directory: Directory, *, before: str) -> Asked:
    """Turn words into queries. A name means everybody of that name; a day means the whole day, here (UTC+8)."""
    errors = []
    days: dict[str, datetime | None] = {"since": None, "until": None}
    for name in days:
        try:
            day = date.fromisoformat(asked[name]) if asked[name] else None
            days[name] = datetime.combine(day, time.min, CITY_TIME).astimezone(UTC) if day else None
        except (ValueError, OverflowError):
            errors.append({"field": name, "code": "date-invalid"})
    people = [asked["who"]]
    if asked["who"] and not asked["who"].startswith(("user:", "service:")) and asked["who"] != "anonymous":
        people = list(directory.named(asked["who"]))
        if not people:
            errors.append({"field": "who", "code": "person-unknown"})
    if asked["result"] not in ("", "permit", "deny", "refused", "ok", "failed"):
        errors.append({"field": "result", "code": "result-unknown"})
    if errors:
        return Asked(queries=(), errors=errors)
    until = days["until"]
    cursor = int(before) if _CURSOR.fullmatch(before) else None
    common = Query(
        object=asked["object"],
        result=asked["result"],
        request=asked["request"],
        since=days["since"],
        until=until + timedelta(days=1) if until else None,
        before_leaf=cursor,
        limit=_PAGE_RECORDS,
    )
    return Asked(queries=[replace(common, person=person) for person in people], errors=())


def found(log: Log, queries: Sequence[Query]) -> tuple[list[int], int | None]:
    """The newest leaves any of the queries finds, and the cursor of the next page."""
    pages = [search(log.index, query) for query in queries]
    leaves = sorted({leaf for page in pages for leaf in page.leaves}, reverse=True)
    more = len(leaves) > _PAGE_RECORDS or any(page.next is not None for page in pages)
    leaves = leaves[:_PAGE_RECORDS]
    return leaves, leaves[-1] if more and leaves else None
