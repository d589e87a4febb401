"""Sample values of the pages of the log, in each of their states."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from audit.reconcile import Mismatch, Reconciled
from tests.console.sample_frame import MARKED, NOW, REQUEST, WANG, page

_EVENTS = [
    {
        "href": f"/audit/records/{leaf}",
        "at": NOW - timedelta(seconds=leaf),
        "who": who,
        "action": action,
        "object": target,
        "result": result,
        "label": label,
    }
    for leaf, who, action, target, result, label in (
        (41, MARKED, "read", "/marriage/files/2026-004417", "permit", 3),
        (40, {"name": "陈立", "id": "user:01KB3F"}, "role:assign", "/departments/civil/people/wangfang", "deny", 2),
        (39, {"name": "", "id": "anonymous"}, "frobnicate", "/housing/%2e%2e/admin", "refused", 5),
        (38, {"name": "", "id": "anonymous"}, "", "", "refused", 0),
        (37, {"name": "", "id": "service:clock"}, "job:run", "/console/api/v1/jobs/refresh", "failed", 2),
    )
]
_QUERY = {"who": "王芳", "object": "/marriage/", "result": "permit", "since": "2026-10-22", "until": "", "request": ""}
_SEARCH = {
    "page": page("/audit"),
    "query": _QUERY,
    "errors": [],
    "events": _EVENTS,
    "broken": [],
    "next_url": "?cursor=NDE",
}
_PROOF = {
    "leaf": 41,
    "hash": "9f2c" * 16,
    "size": 128,
    "root": "07ab" * 16,
    "path": 7,
    "sequence": 17,
    "spool": "a4c1",
}
_EVENT = {
    "page": page("/audit/records/41"),
    "event": _EVENTS[0]
    | {
        "kind": "decision",
        "department": "市民政局",
        "reason": "permit",
        "rule": "p-17",
        "request": REQUEST,
    },
    "detail": {"address": "203.0.113.24", "session": "01KB3F"},
    "raw": '{"v":1,"kind":"decision","subject":"' + WANG + '","reason":"permit"}',
    "proof": _PROOF,
    "related": _EVENTS[1:2],
    "broken": [],
    "search_url": "/audit",
}


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    yield "audit_search.html", "first", _SEARCH
    blank = {"query": dict.fromkeys(_QUERY, ""), "events": [], "next_url": None}
    yield "audit_search.html", "empty", _SEARCH | blank
    yield "audit_search.html", "broken", _SEARCH | {"broken": [41, 42]}
    wrong = {"events": [], "errors": [{"field": "since", "code": "date-invalid"}], "next_url": None}
    yield "audit_search.html", "wrong", _SEARCH | wrong
    yield "audit_event.html", "first", _EVENT
    for event in _EVENTS[3:]:
        rest = {"kind": "refusal", "department": "", "reason": "target-refused", "rule": "", "request": REQUEST}
        yield "audit_event.html", f"of-{event['result']}", _EVENT | {"event": event | rest, "detail": {}}
    for failure in ("proof-invalid", "Ready-made."):
        broken = {"leaf": 41, "failure": failure, "search_url": "/audit"}
        yield "audit_broken.html", failure, {"page": page("/audit/records/41")} | broken
    yield from _reconciled()


def _reconciled() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    shown = {"page": page("/audit/reconcile"), "search_url": "/audit"}
    well = Reconciled(rows=211, recent=2)
    yield "audit_reconcile.html", "well", shown | {"answer": well}
    found = [
        Mismatch("differs", "assignment", REQUEST, REQUEST, 41),
        Mismatch("no-record", "may_grant", "<b>", "", None),
    ]
    yield "audit_reconcile.html", "found", shown | {"answer": Reconciled(rows=211, count=2, found=found)}
