"""The audit desk: search the log by person, object, time and result; show one record behind its proof."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from audit.errors import AuditError
from audit.event import Event
from audit.log import Log
from audit.reconcile import Reconciled
from audit.record import decode
from audit.search import Query
from console.audit.search import FIELDS, find_leaves, read_record, read_search
from console.shell.act import note
from console.shell.frame import Frame
from console.shell.objects import ObjectNames
from console.shell.problem import form_status
from console.shell.views import PageViews
from gateway.problems import problem_of
from idp.directory import Directory

_TEXT_CHARS = 256


class AuditPages:
    """The views of the audit administrator: they read everything and change nothing."""

    def __init__(
        self,
        frame: Frame,
        log: Log,
        directory: Directory,
        objects: ObjectNames,
        reconciled: Callable[[], Reconciled],
    ) -> None:
        self._frame, self._log, self._directory = frame, log, directory
        self._objects, self._reconciled = objects, reconciled

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("audit", __name__, url_prefix="/audit")
        views.get("")(self.search)
        views.get("/events/{leaf}")(self.event)
        views.get("/reconcile")(self.reconcile)
        return views

    def search(self) -> Response:
        """The search page. The search is itself recorded, with its words as the record's detail."""
        words = {name: request.args.get(name, "").strip()[:_TEXT_CHARS] for name in FIELDS}
        meant = read_search(words, self._directory, objects=self._objects, before=request.args.get("before", ""))
        note(meant.facts)
        leaves, after = find_leaves(self._log, meant.queries)
        rows, broken = self._rows(leaves)
        more = urlencode({**{name: text for name, text in words.items() if text}, "before": after})
        return self._frame.page(
            "audit_search.html",
            status=form_status(meant.errors),
            query=words,
            errors=meant.errors,
            events=rows,
            broken=broken,
            next_url=f"?{more}" if after else None,
        )

    def event(self, leaf: int) -> Response:
        """One record; it is decoded only if the signed checkpoint includes it."""
        try:
            verified = read_record(self._log, leaf)
        except AuditError as failure:
            status = problem_of(failure).status
            return self._frame.page(
                "audit_broken.html", status=status, leaf=leaf, failure=str(failure), search_url="/audit"
            )
        event, checkpoint = verified.event, verified.checkpoint
        leaves, _ = find_leaves(self._log, [Query(request=event.id)])
        related, broken = self._rows([other for other in leaves if other != leaf])
        names = self._directory.names([event.subject, *map(str, event.detail.values())])
        return self._frame.page(
            "audit_event.html",
            event=_row(event, names),
            detail={key: f"{names.get(str(value), '')} {value}".strip() for key, value in event.detail.items()},
            raw=json.dumps(json.loads(decode(verified.record).event[1:]), ensure_ascii=False, indent=2),
            proof={
                "leaf": leaf,
                "hash": verified.leaf_hash,
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "path": len(verified.path),
                "sequence": verified.sequence,
                "spool": verified.spool,
            },
            related=related,
            broken=broken,
            search_url="/audit",
        )

    def reconcile(self) -> Response:
        """Every row that grants, keys or places, held against its record; the comparison is itself recorded."""
        answer = self._reconciled()
        note({"found": answer.count})
        return self._frame.page("audit_reconcile.html", answer=answer, search_url="/audit")

    def _rows(self, leaves: Sequence[int]) -> tuple[list[dict[str, Any]], list[int]]:
        """What can be proven, and the leaves that cannot: one changed record does not hide the others."""
        proven, broken = dict[int, Event](), list[int]()
        for leaf in leaves:
            try:
                proven[leaf] = self._log.read(leaf).event
            except AuditError:
                broken.append(leaf)
        names = self._directory.names(event.subject for event in proven.values())
        return [{"href": f"/audit/events/{leaf}", **_row(event, names)} for leaf, event in proven.items()], broken


def _row(event: Event, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "at": event.at,
        "who": {"name": names.get(event.subject, ""), "id": event.subject},
        "kind": event.kind,
        "action": event.action,
        "object": event.object,
        "department": event.department,
        "label": event.label,
        "result": event.result,
        "status": event.status,
        "reason": event.reason,
        "rule": event.rule,
        "request": event.id,
    }
