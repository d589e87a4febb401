"""Values that the samples of all pages share: who is there, when, and what stands around a page."""

from collections.abc import Mapping
from datetime import UTC, datetime

NOW = datetime(2026, 11, 21, 15, 10, 5, tzinfo=UTC)
ORIGIN = "http://console.localhost:8000"
WANG = "user:01KB3F6Z7Q8R9S0T1V2W3X4Y5Z"
REQUEST = "01KB3FHQ2M5N7P9R1T3V5X7Z9B"
CSRF = "c5rf"
MARKED = {"name": "王芳 <b>&</b>", "id": WANG}  # names are data
RECEIPT = {"confirmed": 1, "live": 1, "seconds": 0.1}
_NAV = [
    {"href": "/", "text_id": "home"},
    {"href": "/departments/civil/people", "text_id": "people"},
    {"href": "/audit", "text_id": "audit-search"},
]


def page(path: str, *, staff: bool = True, signed_in: bool = True) -> Mapping[str, object]:
    """What every page has around it."""
    offices = ["department-administrator"] if staff else []
    nav = [item | {"current": path == item["href"]} for item in _NAV]
    person = {"name": "王芳", "offices": offices, "csrf": CSRF} if signed_in else None
    return {"path": path, "person": person, "nav": nav if staff else nav[:1], "origin": ORIGIN}


GUEST = page("/realms/city/protocol/openid-connect/auth?state=s%2F1&lang=en", signed_in=False)
