"""Values of the page of backups and drills, one set for each state."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from tests.console.sample_frame import CSRF, NOW, page

_WORK = {
    "id": "01M80XG7RTMAN00YA3EA1VNY0Z",
    "kind": "drill",
    "state": "passed",
    "step": "",
    "started_at": NOW,
    "failing": "",
    "why": "",
    "rpo": {"number": 41.5, "unit": "minutes"},
    "rto": {"number": 8.2, "unit": "seconds"},
    "rpo_met": True,
    "rto_met": True,
    "records": 1204,
    "rows": 88210,
    "bytes": 73400320,
}
_FAILED = _WORK | {
    "state": "failed",
    "failing": "canary",
    "why": "the canary does not open <b>",
    "rpo": None,
    "rto": None,
    "rpo_met": False,
    "rto_met": False,
}
_RUNNING = _WORK | {"kind": "backup", "state": "running", "step": "log"}


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    plan = {
        "name": "citygate",
        "grade": 3,
        "recovery_class": 4,
        "rpo": {"number": 1.0, "unit": "hours"},
        "rto": {"number": 2.0, "unit": "hours"},
    }
    first = {
        "page": page("/backups"),
        "csrf": CSRF,
        "may_run": True,
        "plan": plan,
        "restore": "valid",
        "passed": _WORK,
        "failed": None,
        "next_drill": NOW + timedelta(days=30),
        "last_backup": NOW,
        "running": None,
        "works": [_WORK, _WORK | {"kind": "backup", "state": "whole"}, _FAILED],
    }
    nothing = {"passed": None, "next_drill": None, "last_backup": None, "works": [], "restore": "never"}
    yield "backups.html", "first", first
    yield "backups.html", "never", first | nothing | {"may_run": False}
    yield "backups.html", "failed", first | {"failed": _FAILED, "restore": "expired"}
    late = _WORK | {"rpo": {"number": 2.0, "unit": "days"}, "rpo_met": False}
    yield "backups.html", "running", first | {"running": _RUNNING, "works": [_RUNNING], "passed": late}
