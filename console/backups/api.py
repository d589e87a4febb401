"""`/api/v1/backups` and `/api/v1/drills`: begun here, done in a thread, asked for by their id until they have ended."""

from typing import Any

from flask.views import MethodView
from marshmallow import RAISE

from audit.event import timestamp
from backup.book import PAGE_ROWS, Entry
from backup.work import BACKUP, DRILL, Work
from console.backups.acts import begin_work
from console.shell.act import current_act
from console.shell.paging import PageQuery
from console.shell.views import ApiViews


def backups(work: Work) -> ApiViews:
    """Backups, newest first."""
    return _entries(work, BACKUP)


def drills(work: Work) -> ApiViews:
    """Restore drills, newest first."""
    return _entries(work, DRILL)


def _entries(work: Work, kind: str) -> ApiViews:
    routes = ApiViews(f"{kind}s", __name__, url_prefix=f"/api/v1/{kind}s")

    @routes.route("")
    class Entries(MethodView):
        @routes.arguments(PageQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> dict[str, Any]:
            """One page."""
            page = work.book.page(kind, before=query["cursor"])
            cursor = page[-1].id if len(page) == PAGE_ROWS else None
            return {"items": [_entry(entry) for entry in page], "next_cursor": cursor, "restore": work.restore_state()}

        def post(self) -> tuple[dict[str, Any], int, dict[str, str]]:
            """Begin one; 409 while another is under way."""
            entry = begin_work(work, current_act(), kind)
            return _entry(entry), 202, {"location": f"/api/v1/{kind}s/{entry.id}"}

    @routes.route(f"/{{{kind}}}")
    class OneEntry(MethodView):
        def get(self, **named: str) -> dict[str, Any]:
            """How it goes, or how it ended."""
            return _entry(work.book.entry(named[kind], kind))

    return routes


def _entry(entry: Entry) -> dict[str, Any]:
    """Return one backup or drill as JSON; `status` is what it came to."""
    return {
        "id": entry.id,
        "status": entry.state,
        "step": entry.step,
        "plan": entry.plan,
        "grade": entry.grade,
        "backup": entry.backup,
        "asked_by": entry.asked_by,
        "started_at": timestamp(entry.started_at),
        "finished_at": timestamp(entry.finished_at) if entry.finished_at else None,
        "failing": entry.failing,
        "why": entry.why,
        "rpo_target_seconds": entry.rpo_target_ms / 1000,
        "rto_target_seconds": entry.rto_target_ms / 1000,
        "rpo_seconds": None if entry.rpo_ms is None else entry.rpo_ms / 1000,
        "rto_seconds": None if entry.rto_ms is None else entry.rto_ms / 1000,
        "records": entry.records,
        "rows": entry.rows,
        "bytes": entry.bytes,
        "record": entry.record,
    }
