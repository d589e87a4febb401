"""Rows and records compared (账实核对): which row has no record, or is other than its record says it was made.

Pure: the rows and the look-up of proven records are handed in. It answers for the rows that are there, and for rows
that were witnessed and are gone; it cannot answer for a row that nobody ever witnessed and that is gone, nor for a
table that names no records.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from audit.event import Event, EventKind
from audit.witnessed_rows import Last, rows_in
from storage.witness import GONE, Row

FINDINGS = 100
RECENT = timedelta(seconds=60)  # longer than an act takes
NO_RECORD, NOT_IN_LOG, DIFFERS, ROW_GONE, UNPROVEN = "no-record", "not-in-log", "differs", "row-gone", "unproven"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKED_UP = 256  # records whose words are kept, for rows that share one
Records = Callable[[str], Sequence[tuple[int, Event | None]]]
"""Every (leaf, event) of one record id, each behind its proof of inclusion; None where the proof fails."""
Read = Callable[[int], Event | None]
"""The event at a leaf, behind its proof; None where that fails."""


class Mismatch(NamedTuple):
    """One row that does not agree with the log."""

    kind: str  # NO_RECORD, NOT_IN_LOG, DIFFERS, ROW_GONE, UNPROVEN
    table: str
    id: str
    record: str
    leaf: int | None  # of the record that says otherwise


@dataclass(slots=True)
class Reconciled:
    """The answer of a reconciliation. Of each table and kind at most 100 findings are named; all are counted."""

    rows: int = 0
    recent: int = 0  # rows of acts that are under way, not judged
    awaited: int = 0  # rows of acts so new that the log may have them in a moment; found for now
    count: int = 0
    found: list[Mismatch] = field(default_factory=list)
    _named: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, mismatch: Mismatch) -> None:
        """Count `mismatch`, and name it if there is still room."""
        self.count += 1
        self._named[mismatch.kind, mismatch.table] += 1
        if self._named[mismatch.kind, mismatch.table] <= FINDINGS:
            self.found.append(mismatch)


class Judge:
    """Compares rows with the log. `spoken_of` says where the log speaks of each row; `records` and `read` return what
    is there, behind a proof.
    """

    def __init__(self, spoken_of: Mapping[str, Last], records: Records, read: Read, *, now: datetime) -> None:
        self._spoken_of, self._now = spoken_of, now
        self._records = lru_cache(maxsize=_LOOKED_UP)(records)
        self._read = lru_cache(maxsize=_LOOKED_UP)(read)

    def compare(self, rows: Iterable[Row], *, stays: Callable[[str], timedelta | None]) -> Reconciled:
        """Judge `rows`, which must be all there are, and the rows that are missing among them. `stays` says of a row's
        name how long it is kept at least.
        """
        answer, names = Reconciled(), set[str]()
        for row in rows:
            answer.rows += 1
            names.add(row.key)
            self._judge(row, answer)
        for one in self._spoken_of.values():
            if one.key not in names:
                self._judge_missing(one, stays(one.key), answer)
        return answer

    def _judge(self, row: Row, answer: Reconciled) -> None:
        """The log's last word about a row must be what the row is; an act under way has not spoken yet."""
        record = row.records[0] if row.records else ""
        said = self._spoken_of.get(row.key)
        if said is None:
            kind = NO_RECORD if not record else DIFFERS if self._records(record) else NOT_IN_LOG
            self._find(Mismatch(kind, row.table, row.id, record, None), self._may_be(row, record), answer)
        elif (last := self._read(said.last)) is None:
            self._find(Mismatch(UNPROVEN, row.table, row.id, record, said.last), False, answer)
        elif rows_in(last).get(row.key) != row.digest and not self._is_overtaken(row, last):
            may_be = self._may_be(row, record, last.id)
            kind = DIFFERS if record else NO_RECORD
            self._find(Mismatch(kind, row.table, row.id, record, said.last), may_be, answer)

    def _find(self, mismatch: Mismatch, may_be: bool, answer: Reconciled) -> None:
        if may_be:
            answer.recent += 1
            return
        answer.add(mismatch)
        answer.awaited += is_recent(mismatch.record, self._now) and not self._records(mismatch.record)

    def _may_be(self, row: Row, record: str, last: str = "") -> bool:
        """Whether an act explains it: one under way, or one that spoke after the row, or after the index, was read."""
        just_now = is_recent(record, self._now) or is_recent(last, self._now)
        return self._is_under_way(row, record) or (just_now and self._was_told(row))

    def _is_under_way(self, row: Row, record: str) -> bool:
        """Whether such an act was decided less than a minute ago and has not said what it did.

        A fresh id alone is no excuse: whoever can write the row can write that, too.
        """
        if not is_recent(record, self._now):
            return False
        told = [event for _, event in self._records(record)]
        return not any(event is None or event.kind is EventKind.OUTCOME for event in told) and any(
            (event.action if event.kind is EventKind.DECISION else event.reason) in row.acts for event in told if event
        )

    def _is_overtaken(self, row: Row, last: Event) -> bool:
        """Two processes wrote one after the other, and told it the other way round: the row names both."""
        return last.id in row.records[1:] and self._was_told(row)

    def _was_told(self, row: Row) -> bool:
        """Whether the record it names says that it is what it is."""
        events = [event for _, event in self._records(row.records[0] if row.records else "") if event is not None]
        return any(rows_in(event).get(row.key) == row.digest for event in events)

    def _judge_missing(self, one: Last, kept: timedelta | None, answer: Reconciled) -> None:
        table, _, identifier = one.key.partition(" ")
        first, last = self._read(one.first), self._read(one.last)
        if first is None or last is None:
            answer.add(Mismatch(UNPROVEN, table, identifier, "", one.last if last is None else one.first))
        elif kept is not None and first.at + kept <= self._now:
            return
        elif rows_in(last).get(one.key) != GONE and not is_recent(last.id, self._now):
            answer.add(Mismatch(ROW_GONE, table, identifier, last.id, one.last))


def is_recent(record: str, now: datetime) -> bool:
    """Return whether a record id was minted within the last minute before `now`.
    One of the future, or without a time in it, was not.
    """
    if len(record) != 26 or set(record) - set(_CROCKFORD):
        return False
    milliseconds = 0
    for character in record[:10]:
        milliseconds = milliseconds * 32 + _CROCKFORD.index(character)
    try:
        minted = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return False
    return timedelta(0) <= now - minted < RECENT
