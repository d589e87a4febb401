"""One set of values for each state of each page: the renderer's tests and the browser show them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 21, 15, 10, 5, tzinfo=UTC)
ORIGIN = "http://console.localhost:8000"
WANG = "user:01KB3F6Z7Q8R9S0T1V2W3X4Y5Z"
REQUEST = "01KB3FHQ2M5N7P9R1T3V5X7Z9B"
CSRF = "c5rf"
MARKED = {"name": "王芳 <b>&</b>", "id": WANG}  # names are data

_NAV = [
    {"href": "/", "text_id": "home"},
    {"href": "/departments/civil/people", "text_id": "people"},
    {"href": "/audit", "text_id": "audit-search"},
]
_RECEIPT = {"confirmed": 1, "live": 1, "seconds": 0.1}


def _page(path: str, *, staff: bool = True, signed_in: bool = True) -> Mapping[str, object]:
    offices = ["department-administrator"] if staff else []
    nav = [item | {"current": path == item["href"]} for item in _NAV]
    person = {"name": "王芳", "offices": offices, "csrf": CSRF} if signed_in else None
    return {"path": path, "person": person, "nav": nav if staff else nav[:1], "origin": ORIGIN}


_GUEST = _page("/realms/city/protocol/openid-connect/auth?state=s%2F1&lang=en", signed_in=False)
_LOGIN = {
    "page": _GUEST,
    "error": None,
    "login": "",
    "portal_name": "住房保障（市住房和城乡建设局）",
    "csrf": CSRF,
    "action": "/realms/city/login",
    "restart_url": "/realms/city/start",
}
_FACTOR = {key: _LOGIN[key] for key in ("page", "csrf", "action")} | {"login": "wangfang"}

_SESSIONS = [
    {
        "id": f"01KB3{number}",
        "current": number == 0,
        "started_at": NOW - timedelta(hours=number * 31),
        "last_seen_at": NOW - timedelta(hours=number * 29),
        "address": address,
        "hosts": hosts,
        "assurance": 3 - number,
    }
    for number, address, hosts in (
        (0, "203.0.113.24", ["console.localhost", "housing.localhost"]),
        (1, "2001:db8:4:12::9a", []),
    )
]
_HOME = {
    "page": _page("/"),
    "assurance": 3,
    "services": [
        {"name": "婚姻登记", "department": "市民政局", "url": "http://marriage.localhost:8000/"},
        {"name": "住房保障", "department": "市住房和城乡建设局", "url": "http://housing.localhost:8000/"},
        {"name": "社会保险", "department": "市人力资源和社会保障局", "url": "http://social.localhost:8000/"},
    ],
    "desks": [{"href": "/departments/civil/people", "name": "people"}, {"href": "/audit", "name": "audit-search"}],
    "last_sign_in": {"at": NOW - timedelta(days=1), "address": "203.0.113.24"},
    "sessions": _SESSIONS,
    "csrf": CSRF,
}

_REFUSAL = {
    "page": _page("/", staff=False),
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

_PEOPLE = {
    "page": _page("/departments/civil/people"),
    "department": {"name": "市民政局"},
    "tree": [
        {
            "name": "市民政局",
            "href": "/departments/civil/people",
            "current": True,
            "children": [
                {"name": "婚姻登记处", "href": "/departments/civil-marriage/people", "current": False, "children": []},
                {"name": "社会救助科", "href": "/departments/civil-relief/people", "current": False, "children": []},
            ],
        }
    ],
    "q": "",
    "people": [
        {"name": name, "login": login, "unit": unit, "roles": roles, "href": f"/departments/civil/people/{login}"}
        for name, login, unit, roles in (
            ("王芳", "wangfang", "婚姻登记处", ["登记员", "档案查询员"]),
            ("欧阳志远", "ouyangzy", "社会救助科", ["救助审核员"]),
            ("𠮷田 美咲", "yoshida", "婚姻登记处", []),
        )
    ],
    "next_url": "?cursor=b3V5YW5nenk",
}

_PERSON = {
    "page": _page("/departments/civil/people/wangfang"),
    "person": {"id": WANG, "name": "王芳", "login": "wangfang", "unit": "婚姻登记处"},
    "people_url": "/departments/civil/people",
    "csrf": CSRF,
    "assignments": [
        {
            "role": "登记员",
            "allows": "办理婚姻登记",
            "department": "婚姻登记处",
            "clearance": 2,
            "since": NOW,
            "by": "陈立",
            "until": NOW + timedelta(days=180),
            "take_back": "/departments/civil/assignments/7/take-back",
        },
        {
            "role": "audit-administrator",
            "allows": "查阅全部记录",
            "department": "全市",
            "clearance": 4,
            "since": NOW,
            "by": "陈立",
            "until": None,
            "take_back": None,
        },
    ],
    "form": {
        "action": "/departments/civil/people/wangfang/assignments",
        "roles": [
            {"id": "registrar", "name": "登记员", "allows": "办理婚姻登记"},
            {"id": "archivist", "name": "档案查询员", "allows": "查询婚姻档案"},
        ],
        "departments": [{"id": "civil-marriage", "name": "婚姻登记处"}],
        "clearances": [1, 2, 3],
        "filled": {"role": "", "department": "", "clearance": 2, "until": "2027-05-20", "reason": ""},
    },
    "errors": [],
    "conflict": None,
    "receipt": None,
    "history": [
        {
            "at": NOW,
            "what": what,
            "role": "登记员",
            "department": "婚姻登记处",
            "by": "陈立",
            "href": "/audit/records/41",
        }
        for what in ("given", "taken-back")
    ],
}

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
    "page": _page("/audit"),
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
    "page": _page("/audit/records/41"),
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


def pages() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    yield from (("login.html", state, _LOGIN | values) for state, values in _login_states().items())
    for state, error in (("first", ""), ("wrong", "code-wrong"), ("told", "Ready-made."), ("expired", "expired")):
        yield "second_factor.html", state, _FACTOR | {"error": error}
    yield (
        "issuer_error.html",
        "first",
        {
            "page": _GUEST,
            "title": "sign-in-failed",
            "message": "session-ended",
            "restart_url": "/",
        },
    )
    ready = {"title": "You are signed out", "message": "You may close this page.", "restart_url": ""}
    yield "issuer_error.html", "ready", {"page": _GUEST} | ready
    yield "home.html", "first", _HOME
    nothing = {"services": [], "desks": [], "last_sign_in": None, "sessions": _SESSIONS[:1], "assurance": 2}
    yield "home.html", "new", _HOME | nothing | {"page": _page("/", staff=False)}
    yield "sign_out.html", "first", {"page": _page("/.citygate/logout", staff=False), "csrf": CSRF}
    yield "signed_out.html", "first", {"page": _GUEST, "sessions_ended": 2, "receipt": _RECEIPT}
    yield "signed_out.html", "unconfirmed", {"page": _GUEST, "sessions_ended": 1, "receipt": _RECEIPT | {"live": 3}}
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
        _REFUSAL | {"status": 401, "page": _GUEST, "next": [{"href": "/in", "text": "sign-in"}]},
    )
    yield "refusal.html", "own-text", _REFUSAL | text | {"page": _GUEST}
    asked = {"object": "/housing/files/2026-0071", "have": 2, "need": 3, "continue_url": "/.citygate/login?acr=3"}
    yield "step_up.html", "first", {"page": _page("/", staff=False), "decision_id": REQUEST} | asked
    parked = {
        "method": "POST",
        "host": "housing.localhost",
        "target": "/files/2026-0071",
        "size": 4113,
        "parked_at": NOW,
    }
    again = {"action": "/.citygate/resume/9", "csrf": CSRF, "discard_url": "/.citygate/resume/9/discard"}
    yield "resume.html", "first", {"page": _page("/", staff=False)} | parked | again
    yield "people.html", "first", _PEOPLE
    yield "people.html", "no-match", _PEOPLE | {"q": "<王>", "people": [], "next_url": None}
    yield "people.html", "empty", _PEOPLE | {"people": [], "next_url": None}
    yield from (("person.html", state, _PERSON | values) for state, values in _person_states().items())
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
        yield "audit_broken.html", failure, {"page": _page("/audit/records/41")} | broken


def _login_states() -> Mapping[str, Mapping[str, object]]:
    return {
        "first": {},
        "wrong": {"error": "wrong", "login": "wangfang", "tries_left": 2},
        "told": {"error": "Ready-made."},
        "locked": {"error": "locked", "login": "wangfang", "until": "23:40"},
        "expired": {"error": "expired"},
    }


def _person_states() -> Mapping[str, Mapping[str, object]]:
    undo = {"action": "/departments/civil/assignments/7/take-back", "fields": {"reason": "undo"}}
    return {
        "first": {},
        "given": {"receipt": _RECEIPT | {"what": "given", "undo": undo}},
        "conflict": {"conflict": {"asked": "audit-administrator", "held": "security-administrator", "rule": "SoD-1"}},
        "wrong": {"errors": [{"field": "role", "code": "role-missing"}, {"field": "", "code": "own-role"}]},
        "powerless": {"form": None, "assignments": [], "history": []},
    }
