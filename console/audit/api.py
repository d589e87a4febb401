"""`/api/v1/audit`: search and read the log, and hold the rows against it."""

from collections.abc import Callable
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import RAISE, Schema, fields, validate

from audit.errors import AuditError
from audit.event import timestamp
from audit.log import Log
from audit.reconcile import Reconciled
from console.audit.search import find_leaves, read_record, read_search
from console.shell.act import note
from console.shell.objects import ObjectNames
from console.shell.problem import refuse_with
from console.shell.views import ApiViews
from idp.directory import Directory


class EventQuery(Schema):
    """A search of the log; a name means everybody of that name."""

    who = fields.String(load_default="")
    object = fields.String(load_default="")
    result = fields.String(load_default="")
    since = fields.String(load_default="")
    until = fields.String(load_default="")
    request = fields.String(load_default="")
    cursor = fields.String(load_default="", validate=validate.Regexp(r"(?a:\d{0,15})\Z"))


def audit(log: Log, directory: Directory, objects: ObjectNames, reconciled: Callable[[], Reconciled]) -> ApiViews:
    """Search and read the log, and hold the rows against it; nothing here changes anything."""
    routes = ApiViews("audit-api", __name__, url_prefix="/api/v1/audit")

    @routes.route("/reconcile")
    class Reconciliation(MethodView):
        def get(self) -> dict[str, Any]:
            """Every row that does not agree with its record."""
            answer = reconciled()
            note({"found": answer.count})
            items = [row._asdict() for row in answer.found]
            return {"rows": answer.rows, "recent": answer.recent, "found": answer.count, "items": items}

    @routes.route("/events")
    class Events(MethodView):
        @routes.arguments(EventQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> Response | dict[str, Any]:
            """Newest first, one page; what was asked stands in the record."""
            meant = read_search(query, directory, objects=objects, before=query["cursor"])
            note(meant.facts)
            if meant.errors:
                return refuse_with("request-invalid", meant.errors)
            leaves, after = find_leaves(log, meant.queries)
            return {"items": [_listed(log, leaf) for leaf in leaves], "next_cursor": after}

    @routes.route("/events/{leaf}")
    class OneEvent(MethodView):
        def get(self, leaf: int) -> dict[str, Any]:
            """One record with its proof."""
            return _event(log, leaf, with_proof=True)

    return routes


def _listed(log: Log, leaf: int) -> dict[str, Any]:
    """One line of a list: what cannot be proven is named, and hides nothing else."""
    try:
        return _event(log, leaf)
    except AuditError as failure:
        return {"leaf": leaf, "code": failure.code}


def _event(log: Log, leaf: int, *, with_proof: bool = False) -> dict[str, Any]:
    verified = read_record(log, leaf)
    event = verified.event
    answer: dict[str, Any] = {
        "leaf": leaf,
        "id": event.id,
        "kind": event.kind,
        "at": timestamp(event.at),
        "subject": event.subject,
        "department": event.department,
        "object": event.object,
        "action": event.action,
        "label": event.label,
        "result": event.result,
        "status": event.status,
        "reason": event.reason,
        "rule": event.rule,
        "detail": dict(event.detail),
    }
    if with_proof:
        checkpoint = verified.checkpoint
        answer["proof"] = {
            "hash": verified.leaf_hash,
            "path": [sibling.hex() for sibling in verified.path],
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "spool": verified.spool,
            "sequence": verified.sequence,
        }
    return answer
