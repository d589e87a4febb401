"""The backups desk: what was promised, what was proven by a restore, and the buttons that begin a backup or a drill."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import redirect
from werkzeug import Response

from authz.offices import SYSTEM_ADMINISTRATOR
from backup.book import Entry
from backup.work import BACKUP, DRILL, Work
from console.backups.acts import begin_work
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.views import PageViews

_SHOWN = 10
_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


class BackupPages:
    """Three offices read it; the system administrator begins."""

    def __init__(self, frame: Frame, work: Work, *, clock: Callable[[], datetime]) -> None:
        self._frame, self._work, self._clock = frame, work, clock

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("backup", __name__, url_prefix="/backups")
        views.get("")(self.overview)
        views.post("/run")(self.run)
        views.post("/drill")(self.drill)
        return views

    def overview(self) -> Response:
        """The plan beside what the last drills measured."""
        book, plan, identity = self._work.book, self._work.plan(), reader()
        passed, drilled = book.newest(DRILL, "passed"), book.newest(DRILL, "passed", "failed")
        running = book.current()
        return self._frame.page(
            "backups.html",
            csrf=identity.csrf,
            may_run=SYSTEM_ADMINISTRATOR in self._frame.offices(identity.subject),
            plan={
                "name": plan.name,
                "grade": plan.grade,
                "recovery_class": plan.recovery_class,
                "rpo": _span(plan.rpo.total_seconds()),
                "rto": _span(plan.rto.total_seconds()),
            },
            restore=self._work.restore_state(),
            passed=_shown(passed) if passed else None,
            failed=_shown(drilled) if drilled and drilled.state == "failed" else None,
            next_drill=passed.started_at + plan.drill_every if passed else None,
            last_backup=_last(book.newest(BACKUP, "whole")),
            running=_shown(running) if running else None,
            works=[_shown(one) for one in _newest(book.page(BACKUP, limit=_SHOWN), book.page(DRILL, limit=_SHOWN))],
        )

    def run(self) -> Response:
        """Begin a backup; its page says how it goes. Raises BackupBusy."""
        begin_work(self._work, current_act(), BACKUP)
        return redirect("/backups", 303)

    def drill(self) -> Response:
        """Begin a drill. Raises BackupBusy."""
        begin_work(self._work, current_act(), DRILL)
        return redirect("/backups", 303)


def _newest(*pages: Any) -> list[Entry]:
    return sorted((one for page in pages for one in page), key=lambda one: one.id, reverse=True)[:_SHOWN]


def _last(entry: Entry | None) -> datetime | None:
    return entry.started_at if entry else None


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "state": entry.state,
        "step": entry.step,
        "started_at": entry.started_at,
        "failing": entry.failing,
        "why": entry.why,
        "rpo": _span(_seconds(entry.rpo_ms)),
        "rto": _span(_seconds(entry.rto_ms)),
        "rpo_met": entry.rpo_ms is not None and entry.rpo_ms <= entry.rpo_target_ms,
        "rto_met": entry.rto_ms is not None and entry.rto_ms <= entry.rto_target_ms,
        "records": entry.records,
        "rows": entry.rows,
        "bytes": entry.bytes,
    }


def _span(seconds: float | None) -> dict[str, Any] | None:
    """A length of time in its largest whole unit, or None where nothing was measured."""
    if seconds is None:
        return None
    for size, unit in _UNITS:
        if seconds >= size:
            return {"number": round(seconds / size, 1), "unit": unit}
    return {"number": round(seconds, 1), "unit": "seconds"}


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
