"""Sample values of the pages that say no, or not yet, in each of their states."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from tests.console.sample_frame import CSRF, GUEST, MARKED, NOW, ORIGIN, REQUEST, page

_REFUSAL = {
    "page": page("/", staff=False),
    "status": 403,
    "title": None,
    "sentence": None,
    "decision_id": REQUEST,
    "reason": "no-rule",
    "next": [{"href": "/requests/new", "text": "request-access"}, {"action": "/again", "csrf": CSRF, "text": "retry"}],
    "asked": "GET marriage.localhost/review",
    "owner": "民政局",
    "detail": None,
}


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    yield "refusal.html", "first", _REFUSAL
    staff = {
        "status": 503,
        "reason": "lease-lost",
        "next": [],
        "detail": [{"law": "no-rule", "value": "0", "needed": "1", "ok": False}],
    }
    yield "refusal.html", "staff", _REFUSAL | staff
    text = {"status": 418, "reason": "teapot", "title": "另有说明", "sentence": "原因另述。", "next": []}
    yield (
        "refusal.html",
        "nobody",
        _REFUSAL | {"status": 401, "page": GUEST, "next": [{"href": "/in", "text": "sign-in"}]},
    )
    yield "refusal.html", "own-text", _REFUSAL | text | {"page": GUEST}
    asked = {"object": "/housing/files/2026-0071", "have": 2, "need": 3, "continue_url": "/.citygate/login?acr=3"}
    yield "step_up.html", "first", {"page": page("/", staff=False), "decision_id": REQUEST} | asked
    parked = {
        "method": "POST",
        "host": "housing.localhost",
        "target": "/files/2026-0071",
        "size": 4113,
        "parked_at": NOW,
        "waits": False,
        "verdict": "",
        "decided_by": {"name": "", "id": ""},
        "reason": "",
    }
    again = {"action": "/.citygate/resume/9", "csrf": CSRF, "discard_url": "/.citygate/resume/9/discard"}
    yield "resume.html", "first", {"page": page("/", staff=False)} | parked | again
    for verdict in ("", "approved", "rejected"):
        decided = {"waits": True, "verdict": verdict, "decided_by": MARKED, "reason": "<b>不可</b>"}
        yield "resume.html", verdict or "waiting", {"page": page("/")} | parked | again | decided
    yield from _second_person()
    yield from _requests()


def _second_person() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    kept = {
        "page": page("/keys/1/rotate"),
        "number": REQUEST,
        "asked": "POST console.localhost/keys/1/rotate",
        "action": "key:rotate",
        "offices": ["security-administrator"],
        "owner": "市密码局",
        "requests_url": f"{ORIGIN}/requests",
        "detail": [{"law": "approver", "value": "", "needed": "key:approve", "ok": False}],
    }
    yield "second_person.html", "first", kept
    yield "second_person.html", "nobody", kept | {"offices": [], "owner": None, "detail": None}


def _requests() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    row = {
        "id": REQUEST,
        "who": MARKED,
        "action": "role:assign",
        "department": "civil",
        "object": "/console/departments/civil/people",
        "label": 3,
        "asked": "POST /departments/civil/people",
        "place": [("departments", "<b>民政局</b>")],
        "fields": [("<b>", "<b>窗口</b>", ""), ("password", "[redacted]", ""), ("app", "app:7", "<b>核验</b>")],
        "at": NOW,
        "until": NOW + timedelta(hours=72),
        "verdict": "",
        "decided_by": {"name": "", "id": ""},
        "decided_at": None,
        "reason": "",
        "sent_at": None,
        "approve": f"/departments/civil/people/approve/{REQUEST}",
        "resume": "",
    }
    said = {"verdict": "approved", "decided_by": MARKED, "decided_at": NOW, "approve": ""}
    lists = {
        "waiting": [row],
        "asked": [row | {"approve": "", "place": []}, row | said | {"resume": f"/.citygate/resume/{REQUEST}"}],
        "decided": [row | said | {"sent_at": NOW}, row | said | {"verdict": "rejected", "reason": "<b>否</b>"}],
    }
    shown = {"page": page("/requests"), "csrf": CSRF, "errors": [], "next": {}, "stronger": 0, "step_up_url": "/in"}
    yield "requests.html", "first", shown | {"lists": lists, "next": {"asked": "?asked=9"}, "stronger": 2}
    yield "requests.html", "empty", shown | {"lists": {"waiting": [], "asked": [], "decided": []}}
    wrong = {"errors": [{"field": f"reason-{REQUEST}", "code": "reason-missing"}]}
    yield "requests.html", "wrong", shown | {"lists": lists} | wrong
