"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable

from audit.log import Log
from audit.reconcile import Reconciled
from console.audit import api
from console.audit.pages import AuditPages
from console.shell.desk import Desk
from console.shell.frame import Frame
from idp.directory import Directory


def open_desk(frame: Frame, *, log: Log, directory: Directory, reconciled: Callable[[], Reconciled]) -> Desk:
    """The log: search, one record with its proof, and every row held against its record."""
    pages = AuditPages(frame, log, directory, reconciled)
    return Desk(pages=(pages.blueprint(),), api=(api.audit(log, directory, reconciled),))
