"""Book: the rows of backups and drills; one of them runs at a time, whichever process began it."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from backup.errors import BackupBusy, BackupUnknown
from backup.plan import BackupPlan
from backup.schedule import History
from backup.store import work
from storage import witness
from storage.act import Act
from storage.database import Database
from storage.errors import StorageUnavailable

PAGE_ROWS = 50
_SILENT = timedelta(seconds=60)  # a holder that is not seen for so long is gone
_WHY_CHARS = 500
_MILLISECOND = timedelta(milliseconds=1)
INTERRUPTED = "interrupted"
PREPARATION = "preparation"  # the first step: keys, engines, the repository, the place a drill restores to


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One backup or one drill. Figures that were not measured are None."""

    id: str
    kind: str
    state: str
    step: str
    plan: str
    grade: int
    backup: str
    asked_by: str
    record: str
    holder: str
    started_at: datetime
    beat_at: datetime
    finished_at: datetime | None
    failing: str
    why: str
    rpo_target_ms: int  # milliseconds
    rto_target_ms: int
    rpo_ms: int | None
    rto_ms: int | None
    records: int
    rows: int
    bytes: int


RecordOutcome = Callable[[Entry, Mapping[str, str]], None]
"""Write one more outcome of the request that began a backup or drill: what it is now, and its row's witness.

Called before the row is committed. Raises AuditUnavailable.
"""


class Book:
    """Keeps the rows of backups and drills. Called from threads. `holder` is this process's name; `is_whole` says
    whether the repository shows a backup.
    """

    def __init__(
        self,
        database: Database,
        *,
        holder: str,
        record_outcome: RecordOutcome,
        is_whole: Callable[[str], bool],
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        self._database, self._holder, self._clock, self._mint = database, holder, clock, mint
        self._record_outcome, self._is_whole = record_outcome, is_whole

    def begin(self, kind: str, plan: BackupPlan, act: Act) -> Entry:
        """Write a new row that runs, and return it. Raises BackupBusy, AuditUnavailable."""
        now, identifier = self._clock(), self._mint()
        entry = Entry(
            id=identifier, kind=kind, state="running", step=PREPARATION, plan=plan.name, grade=plan.grade,
            backup=identifier if kind == "backup" else "", asked_by=act.actor, record=act.record, holder=self._holder,
            started_at=now, beat_at=now, finished_at=None, failing="", why="",
            rpo_target_ms=plan.rpo // _MILLISECOND, rto_target_ms=plan.rto // _MILLISECOND,
            rpo_ms=None, rto_ms=None, records=0, rows=0, bytes=0,
        )  # fmt: skip
        try:
            with self._database.transaction() as connection:
                self._end(connection, work.c.beat_at < now - _SILENT, now)
                connection.execute(sa.insert(work).values(_row(entry)))
                self._record(connection, identifier)
        except IntegrityError:
            raise BackupBusy("a backup or a drill is under way: wait until it has ended") from None
        return entry

    def report_step(self, identifier: str, step: str) -> None:
        """Write down how far it is. A database that is away for a moment ends no backup."""
        self._beat(identifier, step=step)

    def beat(self, identifier: str) -> None:
        """Write down that the holder lives."""
        self._beat(identifier)

    def finish(self, identifier: str, **seen: Any) -> Entry:
        """Write how it ended, recorded before that is committed. Raises StorageUnavailable, AuditUnavailable."""
        now = self._clock()
        seen |= {"why": seen.get("why", "")[:_WHY_CHARS]}
        with self._database.transaction() as connection:
            mine = (work.c.id == identifier) & (work.c.state == "running")
            connection.execute(sa.update(work).where(mine).values(finished_at=now, beat_at=now, step="", **seen))
            return self._record(connection, identifier)

    def end_mine(self) -> None:
        """At the start of a process, end the rows that it held before it was killed."""
        with self._database.transaction() as connection:
            self._end(connection, work.c.holder == self._holder, self._clock())

    def entry(self, identifier: str, kind: str) -> Entry:
        """Return the backup or drill with this id. Raises BackupUnknown."""
        with self._database.transaction() as connection:
            entry = self._read(connection, identifier)
        if entry.kind != kind:
            raise BackupUnknown(f"there is no {kind} `{identifier}`")
        return entry

    def page(self, kind: str, *, before: str = "", limit: int = PAGE_ROWS) -> Sequence[Entry]:
        """Return at most `limit` backups or drills with ids below `before`, the newest first."""
        wanted = (work.c.kind == kind) & (work.c.id < before if before else sa.true())
        with self._database.transaction() as connection:
            rows = connection.execute(sa.select(work).where(wanted).order_by(work.c.id.desc()).limit(limit))
            return [Entry(**row) for row in rows.mappings()]

    def newest(self, kind: str, *states: str) -> Entry | None:
        """Return the newest backup or drill in one of these states, or None."""
        wanted = (work.c.kind == kind) & work.c.state.in_(states)
        with self._database.transaction() as connection:
            row = (
                connection.execute(sa.select(work).where(wanted).order_by(work.c.id.desc()).limit(1)).mappings().first()
            )
            return Entry(**row) if row else None

    def current(self) -> Entry | None:
        """Return what is under way, or None. A row whose holder fell silent does not count."""
        with self._database.transaction() as connection:
            row = connection.execute(sa.select(work).where(work.c.state == "running")).mappings().first()
        return Entry(**row) if row and self._clock() - row["beat_at"] <= _SILENT else None

    def history(self) -> History:
        """Return what the schedule asks about: when the newest of each kind and end began."""

        def began(kind: str, state: str) -> datetime | None:
            entry = self.newest(kind, state)
            return entry.started_at if entry else None

        return History(
            running=self.current() is not None,
            whole=began("backup", "whole"),
            failed=began("backup", "failed"),
            passed=began("drill", "passed"),
            broken=began("drill", "failed"),
        )

    def _beat(self, identifier: str, **seen: str) -> None:
        with contextlib.suppress(StorageUnavailable), self._database.transaction() as connection:
            connection.execute(sa.update(work).where(work.c.id == identifier).values(beat_at=self._clock(), **seen))

    def _end(self, connection: Connection, whose: sa.ColumnElement[bool], now: datetime) -> None:
        """Whatever runs and is `whose`, ended without a word; its step says where."""
        silent = sa.select(work.c.id).where((work.c.state == "running") & whose)
        for identifier in connection.execute(silent).scalars().all():
            values = {"state": "failed", "finished_at": now, "failing": work.c.step, "why": INTERRUPTED}
            if self._is_whole(identifier):  # killed between the last rename and the row, or restored from itself
                values = {"state": "whole", "finished_at": now, "step": ""}
            connection.execute(sa.update(work).where(work.c.id == identifier).values(**values))
            self._record(connection, identifier)

    def _record(self, connection: Connection, identifier: str) -> Entry:
        """The row as it is now, recorded before it is committed: here, so that the log's last word is the last."""
        entry = self._read(connection, identifier)
        self._record_outcome(entry, dict([witness.describe_row(connection, work, identifier)]))
        return entry

    @staticmethod
    def _read(connection: Connection, identifier: str) -> Entry:
        row = connection.execute(sa.select(work).where(work.c.id == identifier)).mappings().first()
        if row is None:
            raise BackupUnknown(f"there is none `{identifier}`")
        return Entry(**row)


def _row(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}
