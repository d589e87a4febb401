"""Work: one backup or drill in a thread of this process, with its row as its state."""

import contextlib
import logging
import threading
from collections.abc import Callable
from datetime import datetime

from audit.errors import AuditError
from backup.book import Book, Entry
from backup.drill import Driller
from backup.errors import BackupBusy, BackupError
from backup.plan import BackupPlan
from backup.run import ReportStep, Runner
from backup.schedule import Due, Restore, due, restore_state
from crypto.errors import CryptoError
from storage.act import Act
from storage.errors import StorageError

BACKUP, DRILL = "backup", "drill"
_BEAT_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Work:
    """Begins backups and drills for the desk, the commands and the clock. What it needs is asked for at each beginning,
    because grades and keys change.
    """

    def __init__(
        self,
        book: Book,
        *,
        runner: Callable[[], Runner],
        driller: Callable[[], Driller],
        clear: Callable[[], None],
        plan: Callable[[], BackupPlan],
        clock: Callable[[], datetime],
    ) -> None:
        self.book, self.plan = book, plan
        self._runner, self._driller, self._clear, self._clock = runner, driller, clear, clock
        self._thread: threading.Thread | None = None

    def recover(self) -> None:
        """At the start of a process, end what it did when it was killed, and remove what that left in the clear. Never
        raises for a disk or key in trouble: that is logged.
        """
        self.book.end_mine()
        try:
            self._clear()
        except BackupBusy:
            pass
        except (BackupError, OSError):  # the door opens all the same, and the next drill fails for the same reason
            _log.exception("what a killed drill restored is not removed, if there is any")

    def begin(self, kind: str, act: Act) -> Entry:
        """Begin a backup or a drill, and return its row; the book says how it goes. Raises BackupBusy, PlanInvalid."""
        plan = self.plan()
        entry = self.book.begin(kind, plan, act)
        self._thread = threading.Thread(target=self._do, args=(entry, plan), name=kind, daemon=True)
        self._thread.start()
        return entry

    def wait(self, *, seconds: float) -> None:
        """Wait until nothing that this process began is under way. Raises TimeoutError."""
        if self._thread:
            self._thread.join(seconds)
            if self._thread.is_alive():
                raise TimeoutError(f"`{self._thread.name}` did not end within {seconds} s")

    def begin_due(self, act: Act) -> int:
        """Begin what is due, as the clock asks; return how many were begun."""
        what = due(self.plan(), self.book.history(), self._clock())
        if what is Due.NOTHING:
            return 0
        with contextlib.suppress(BackupBusy):
            self.begin(what, act)
            return 1
        return 0

    def restore_state(self) -> Restore:
        """Return whether there is a verified restore that still counts."""
        return restore_state(self.plan(), self.book.history(), self._clock())

    def _do(self, entry: Entry, plan: BackupPlan) -> None:
        ended = threading.Event()
        threading.Thread(target=self._live, args=(entry, ended), name="beat", daemon=True).start()
        reached = [entry.step]

        def report_step(step: str) -> None:
            reached[0] = step
            self.book.report_step(entry.id, step)

        try:
            seen = (
                self._backup(entry, plan, report_step)
                if entry.kind == BACKUP
                else self._drill(entry, plan, report_step)
            )
        except (BackupError, AuditError, CryptoError, StorageError, OSError) as failure:
            seen = {"state": "failed", "failing": reached[0], "why": str(failure) or type(failure).__name__}
        except BaseException:
            self.book.finish(entry.id, state="failed", failing=reached[0], why="internal")
            raise
        finally:
            ended.set()
        self.book.finish(entry.id, **seen)

    def _live(self, entry: Entry, ended: threading.Event) -> None:
        while not ended.wait(_BEAT_SECONDS):
            self.book.beat(entry.id)

    def _backup(self, entry: Entry, plan: BackupPlan, report_step: ReportStep) -> dict[str, object]:
        manifest = self._runner().run(entry.id, keep=plan.keep, report_step=report_step)
        return {"state": "whole", "rows": manifest.rows, "bytes": manifest.bytes, "records": manifest.records}

    def _drill(self, entry: Entry, plan: BackupPlan, report_step: ReportStep) -> dict[str, object]:
        result = self._driller().run(entry.id, plan, report_step=report_step)
        return {
            "state": "passed" if result.has_passed else "failed",
            "backup": result.backup,
            "failing": result.failing,
            "why": result.why,
            "rpo_ms": _ms(result.rpo_seconds),
            "rto_ms": _ms(result.rto_seconds),
            "records": result.records,
            "rows": result.rows,
            "bytes": result.bytes,
        }


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
