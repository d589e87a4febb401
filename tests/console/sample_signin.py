"""Sample values of the pages of signing in and out, and of the home page, in each of their states."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from tests.console.sample_frame import CSRF, GUEST, NOW, RECEIPT, page

_LOGIN = {
    "page": GUEST,
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
        "device": device,
        "hosts": hosts,
        "assurance": 3 - number,
    }
    for number, device, address, hosts in (
        (0, "Firefox 128 · Linux", "203.0.113.24", ["console.localhost", "housing.localhost"]),
        (1, "", "2001:db8:4:12::9a", []),
    )
]
_HOME = {
    "page": page("/"),
    "assurance": 3,
    "services": [
        {"name": "婚姻登记", "department": "市民政局", "url": "http://marriage.localhost:8000/"},
        {"name": "住房保障", "department": "市住房和城乡建设局", "url": "http://housing.localhost:8000/"},
        {"name": "社会保险", "department": "市人力资源和社会保障局", "url": "http://social.localhost:8000/"},
    ],
    "desks": [{"href": "/departments/civil/people", "name": "people"}, {"href": "/audit", "name": "audit-search"}],
    "last_sign_in": {"at": NOW - timedelta(days=1), "address": "203.0.113.24"},
    "sessions": _SESSIONS,
    "receipt": None,
    "csrf": CSRF,
}


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    yield from (("login.html", state, _LOGIN | values) for state, values in _login_states().items())
    for state, error in (("first", ""), ("wrong", "code-wrong"), ("told", "Ready-made."), ("expired", "expired")):
        yield "second_factor.html", state, _FACTOR | {"error": error}
    yield (
        "issuer_error.html",
        "first",
        {
            "page": GUEST,
            "title": "sign-in-failed",
            "message": "session-ended",
            "restart_url": "/",
        },
    )
    ready = {"title": "You are signed out", "message": "You may close this page.", "restart_url": ""}
    yield "issuer_error.html", "ready", {"page": GUEST} | ready
    yield "home.html", "first", _HOME
    nothing = {"services": [], "desks": [], "last_sign_in": None, "sessions": _SESSIONS[:1], "assurance": 2}
    yield "home.html", "ended", _HOME | {"receipt": RECEIPT | {"what": "session-ended"}}
    yield "home.html", "new", _HOME | nothing | {"page": page("/", staff=False)}
    yield "sign_out.html", "first", {"page": page("/.citygate/logout", staff=False), "csrf": CSRF}
    yield "signed_out.html", "first", {"page": GUEST, "sessions_ended": 2, "receipt": RECEIPT}
    yield "signed_out.html", "unconfirmed", {"page": GUEST, "sessions_ended": 1, "receipt": RECEIPT | {"live": 3}}


def _login_states() -> Mapping[str, Mapping[str, object]]:
    return {
        "first": {},
        "wrong": {"error": "wrong", "login": "wangfang", "tries_left": 2},
        "told": {"error": "Ready-made."},
        "locked": {"error": "locked", "login": "wangfang", "until": "23:40"},
        "expired": {"error": "expired"},
    }
