"""Sample values of the page of keys, in each of its states."""

from collections.abc import Iterator, Mapping

from tests.console.sample_frame import CSRF, NOW, page

_VERSIONS = [
    {"number": 3, "algorithm": "SM4-GCM", "state": "published", "days": 0, "references": None, "counted_at": None},
    {"number": 2, "algorithm": "SM4-GCM", "state": "active", "days": 12, "references": None, "counted_at": None},
    {"number": 1, "algorithm": "AES-256-GCM", "state": "decrypt-only", "days": 102, "references": 418, "counted_at": NOW},
]  # fmt: skip
_KEYS = {
    "page": page("/keys"),
    "csrf": CSRF,
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


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    yield "keys.html", "first", _KEYS
    yield "keys.html", "rotated", _KEYS | {"receipt": _ROTATED, "next_url": None}
