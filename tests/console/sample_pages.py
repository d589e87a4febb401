"""One set of values for each state of each page: the renderer's tests and the browser show them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from audit.reconcile import Mismatch, Reconciled
from tests.console import sample_backups
from tests.console.grading_pages import grading_pages
from tests.console.sample_infra import infra_pages

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
_VERSIONS = [
    {"number": 3, "algorithm": "SM4-GCM", "state": "published", "days": 0, "references": None, "counted_at": None},
    {"number": 2, "algorithm": "SM4-GCM", "state": "active", "days": 12, "references": None, "counted_at": None},
    {"number": 1, "algorithm": "AES-256-GCM", "state": "decrypt-only", "days": 102, "references": 418, "counted_at": NOW},
]  # fmt: skip
_KEYS = {
    "page": _page("/keys"),
    "csrf": "c5rf",
    "keys": [
        {"name": "platform", "department": "市人民政府", "usage": "key-platform", "rotate": "/r", "rotating": True,
         "retired": 1, "versions": _VERSIONS},
        {"name": "files", "department": "<民政局>", "usage": "key-encrypt", "rotate": "/r", "rotating": False,
         "retired": 0, "versions": _VERSIONS[1:]},
    ],
    "max_age_days": 90,
    "receipt": None,
    "next_url": "?department=civil&name=files",
}  # fmt: skip
_ROTATED = {"department": "city", "name": "platform", "version": 3, "confirmed": 4, "live": 4, "seconds": 0.31}
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


def reconcile_states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    page = {"page": _page("/audit/reconcile"), "search_url": "/audit"}
    well = Reconciled(rows=211, recent=2)
    yield "audit_reconcile.html", "well", page | {"answer": well}
    found = [
        Mismatch("differs", "assignment", REQUEST, REQUEST, 41),
        Mismatch("no-record", "may_grant", "<b>", "", None),
    ]
    yield "audit_reconcile.html", "found", page | {"answer": Reconciled(rows=211, count=2, found=found)}


def second_person_states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    kept = {
        "page": _page("/keys/1/rotate"),
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
    row = {
        "id": REQUEST,
        "who": MARKED,
        "action": "role:assign",
        "department": "civil",
        "object": "/console/departments/civil/people",
        "label": 3,
        "asked": "POST /departments/civil/people",
        "fields": [("<b>", "<b>窗口</b>"), ("password", "[redacted]")],
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
        "asked": [row | {"approve": ""}, row | said | {"resume": f"/.citygate/resume/{REQUEST}"}],
        "decided": [row | said | {"sent_at": NOW}, row | said | {"verdict": "rejected", "reason": "<b>否</b>"}],
    }
    page = {"page": _page("/requests"), "csrf": CSRF, "errors": [], "next": {}, "stronger": 0, "step_up_url": "/in"}
    yield "requests.html", "first", page | {"lists": lists, "next": {"asked": "?asked=9"}, "stronger": 2}
    yield "requests.html", "empty", page | {"lists": {"waiting": [], "asked": [], "decided": []}}
    wrong = {"errors": [{"field": f"reason-{REQUEST}", "code": "reason-missing"}]}
    yield "requests.html", "wrong", page | {"lists": lists} | wrong


def _catalogue() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    texts = ("publisher", "category", "version", "description", "carrier", "form", "location")
    nine = dict.fromkeys(texts, MARKED["name"]) | {"name": MARKED["name"], "produced": "2026-03-01"}
    told = nine | {"id": REQUEST, "href": f"/catalogue/{REQUEST}", "owner": "市住房和城乡建设局", "label": 3}
    told |= {"system": "housing", "path": "/open/properties", "published_at": NOW, "record": REQUEST}
    receipt = _RECEIPT | {"what": "resource-published"}
    listed = {"page": _page("/catalogue"), "q": "", "resources": [told], "next_url": "?before=1", "receipt": None}
    listed |= {"new": [("/departments/civil/resources/new", MARKED["name"])]}
    yield "catalogue.html", "first", listed | {"receipt": receipt}
    yield "catalogue.html", "nothing", listed | {"resources": [], "q": "<b>", "next_url": None}
    yield "catalogue.html", "empty", listed | {"resources": [], "new": [], "next_url": None}
    share = {"app": MARKED, "department": "市民政局", "purpose": MARKED["name"], "until": NOW, "end": "/end"}
    shown = {
        "page": _page("/catalogue"), "resource": told, "csrf": CSRF, "shares": [share, share | {"end": None}],
        "versions": [{"version": "2", "published_at": NOW, "ended_at": None},
                     {"version": "<b>1</b>", "published_at": NOW, "ended_at": NOW}],
        "apps": [MARKED], "ask": {"action": "/ask", "app": WANG, "purpose": "<b>", "until": "2026-12-01"},
        "own": {"action": "/own", "filled": nine}, "longest": 366, "errors": [], "receipt": None,
    }  # fmt: skip
    yield "resource.html", "first", shown | {"receipt": {"what": "resource-renewed"}}
    wrong = [{"field": "purpose", "code": "text-missing"}, {"field": "name", "code": "name-invalid"}]
    yield "resource.html", "wrong", shown | {"errors": wrong}
    yield "resource.html", "other", shown | {"own": None, "apps": [], "shares": [], "receipt": receipt}
    new = {"page": _page("/catalogue"), "csrf": CSRF, "department": MARKED | {"id": "civil"}, "systems": [MARKED]}
    new |= {"filled": nine | {"system": "x", "path": '"<b>'}, "errors": []}
    yield "resource_new.html", "first", new
    yield "resource_new.html", "wrong", new | {"errors": [{"field": "path", "code": "not-served"}]}
    use = {"name": MARKED["name"], "href": "/catalogue/1", "until": NOW, "end": "/end"}
    app = MARKED | {"since": NOW, "until": NOW, "end": "/end", "uses": [use]}
    apps = {"page": _page("/departments/civil/apps"), "department": "市民政局", "csrf": CSRF, "action": "/apps"}
    apps |= {"apps": [app, app | {"uses": []}], "made": None, "name": "", "errors": [], "receipt": None}
    yield "apps.html", "first", apps | {"receipt": receipt}
    yield "apps.html", "made", apps | {"made": MARKED | {"secret": "cg_app_<b>"}}
    yield (
        "apps.html",
        "wrong",
        apps | {"apps": [], "name": "<b>", "errors": [{"field": "name", "code": "name-invalid"}]},
    )


def pages() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    yield from _catalogue()
    yield from grading_pages(_page("/systems"), CSRF)
    yield from infra_pages()
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
        "waits": False,
        "verdict": "",
        "decided_by": {"name": "", "id": ""},
        "reason": "",
    }
    again = {"action": "/.citygate/resume/9", "csrf": CSRF, "discard_url": "/.citygate/resume/9/discard"}
    yield "resume.html", "first", {"page": _page("/", staff=False)} | parked | again
    for verdict in ("", "approved", "rejected"):
        decided = {"waits": True, "verdict": verdict, "decided_by": MARKED, "reason": "<b>不可</b>"}
        yield "resume.html", verdict or "waiting", {"page": _page("/")} | parked | again | decided
    yield from second_person_states()
    yield "people.html", "first", _PEOPLE
    yield "people.html", "no-match", _PEOPLE | {"q": "<王>", "people": [], "next_url": None}
    yield "people.html", "empty", _PEOPLE | {"people": [], "next_url": None}
    yield from (("person.html", state, _PERSON | values) for state, values in _person_states().items())
    yield "keys.html", "first", _KEYS
    yield "keys.html", "rotated", _KEYS | {"receipt": _ROTATED, "next_url": None}
    yield "audit_search.html", "first", _SEARCH
    yield from reconcile_states()
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
    yield from (("backups.html", state, values) for state, values in sample_backups.states(_page("/backups"), CSRF))


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
