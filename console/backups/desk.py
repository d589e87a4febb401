"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable
from datetime import datetime

from backup.work import Work
from console.backups import api
from console.backups.pages import BackupPages
from console.shell.desk import Desk
from console.shell.frame import Frame


def open_desk(frame: Frame, work: Work, *, clock: Callable[[], datetime]) -> Desk:
    """Backups, and drills that prove them."""
    pages = BackupPages(frame, work, clock=clock)
    return Desk(pages=(pages.blueprint(),), api=(api.backups(work), api.drills(work)))
