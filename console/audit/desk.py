"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable, Sequence

from audit.log import Log
from audit.reconcile import Reconciled
from console.audit import api
from console.audit.pages import AuditPages
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.shell.objects import ObjectNames
from gateway.routes import Route
from idp.directory import Directory


def open_desk(
    frame: Frame,
    *,
    log: Log,
    directory: Directory,
    routes: Sequence[Route],
    reconciled: Callable[[], Reconciled],
) -> Desk:
    """The log: search, one record with its proof, rows held against it; `routes` are all of the console."""
    objects = ObjectNames(routes)
    pages = AuditPages(frame, log, directory, objects, reconciled)
    return Desk(pages=(pages.blueprint(),), api=(api.audit(log, directory, objects, reconciled),))
