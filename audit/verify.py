"""Recompute everything from the files, offline, and name what does not fit.

1. The checkpoint is signed by the log's key, and one kept outside is the beginning of it.
2. Every record hashes to its leaf, every tile follows from the tiles below, and the root is the signed one.
3. Each spool's records continue one another, number by number and chain by chain.
4. The spools' files continue the log, and say the same where both hold a record.
5. The index says of each leaf what the record says.
"""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit import event as events
from audit import index as indexes
from audit import merkle
from audit.checkpoint import Checkpoint, read_unsigned
from audit.continuity import Continuity
from audit.errors import AuditError, CheckpointInvalid, LogUnreadable, RecordMalformed
from audit.event import Event, EventKind
from audit.findings import Finding, Findings
from audit.record import decode, split
from audit.tiles import CHECKPOINT, ENTRIES, WIDTH, Tiles, tile_path
from crypto.sign import VerifyingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer of a verification, with at most 100 findings."""

    status: str  # "intact", "tampered", "unreadable"
    findings: tuple[Finding, ...]
    records: int  # that were read and hash to their leaf
    root: str  # hexadecimal, recomputed
    size: int  # as the checkpoint says


def verify(
    log: Path,
    *,
    spools: Path | None,
    index: Path | None,
    key: VerifyingKey,
    origin: str,
    pinned: Checkpoint | None = None,
) -> Report:
    """Check the log, and the spools and the index where they are given. May run beside a sequencer.

    `key` is the public key and `origin` the origin line of the log. `pinned` is a checkpoint that was kept outside:
    without one, a log cut back together with its checkpoint and its spools looks intact. Never raises for what it
    finds: that stands in the report.
    """
    findings = Findings()
    run = _Verification(Tiles(log), findings)
    try:
        if spools:
            run.continuity.read_files(spools)
        with contextlib.ExitStack() as stack:
            run.index = run.open_index(index, stack) if index else None
            run.read_checkpoint(key, origin)  # after the index was opened, which is so never ahead of it
            run.compare_ends()
            run.read_log()
        if pinned:
            run.compare_pinned(pinned)
        if spools:
            run.continuity.compare_files(spools)
    except (OSError, AuditError) as failure:
        findings.add("unreadable", f"{type(failure).__name__}: {failure}")
        return run.report("unreadable")
    return run.report("tampered" if findings.found else "intact")


class _Verification:
    """One run over one log."""

    def __init__(self, tiles: Tiles, findings: Findings) -> None:
        self.tiles, self.findings = tiles, findings
        self.continuity = Continuity(findings=findings)
        self.index: sqlite3.Connection | None = None
        self.size, self.signed_root, self.root, self.records = 0, b"", b"", 0

    def report(self, status: str) -> Report:
        return Report(
            status=status,
            findings=tuple(self.findings.found),
            records=self.records,
            root=self.root.hex(),
            size=self.size,
        )

    def read_checkpoint(self, key: VerifyingKey, origin: str) -> None:
        """Take size and root, also from a checkpoint that is not rightly signed: the rest can still be looked at."""
        try:
            checkpoint = self.tiles.checkpoint(key, origin)
        except CheckpointInvalid as failure:
            self.findings.add("checkpoint", str(failure))
            text = (self.tiles.log / CHECKPOINT).read_text(encoding="utf-8", errors="replace")
            checkpoint = read_unsigned(text.partition("\n\n")[0] + "\n", origin)
        self.size, self.signed_root = checkpoint.size, checkpoint.root

    def compare_pinned(self, pinned: Checkpoint) -> None:
        """Check that the log begins with the one of `pinned`."""
        if pinned.size > self.size:
            what = f"the log has {self.size} records, the checkpoint kept outside {pinned.size}"
            self.findings.add("pinned", what, self.size)
        elif merkle.root(pinned.size, self.tiles.node(self.size)) != pinned.root:
            self.findings.add("pinned", f"the first {pinned.size} records are not those of the checkpoint kept outside")

    def read_log(self) -> None:
        """Recompute the tree from the records, and check each record on the way."""
        above = list(self._stored_hashes(1))
        trusted: list[bytes] = []
        for index in range(-(-self.size // WIDTH)):
            parent = above[index] if index < len(above) else None
            trusted.append(self._read_bundle(index, trusted, parent))
            if parent not in (None, trusted[index]):
                self.findings.add("tile", f"`{tile_path(1, index // WIDTH)}`: hash {index % WIDTH} was changed")
        self.root = merkle.root_of(trusted)
        if self.root != self.signed_root:
            self.findings.add("root", "the records lead to another root than the signed one")
        self._compare_upper_tiles(trusted[: self.size // WIDTH])

    def _read_bundle(self, index: int, before: Sequence[bytes], parent: bytes | None) -> bytes:
        """Read up to 256 records and their tile; return the root over them that the tree above confirms.

        Where a record and its hash differ, that root says which of the two was changed.
        """
        begin, width = index * WIDTH, min(WIDTH, self.size - index * WIDTH)
        hashes = self._hashes(index, width)
        records = self._records(index, width, hashes or [])
        computed = [merkle.hash_leaf(record) for record in records]
        computed += (hashes or [bytes(32)] * width)[len(computed) :]
        hashes = hashes or computed
        by_record, by_tile = merkle.root_of(computed), merkle.root_of(hashes)
        confirmed = [one for one in (by_record, by_tile) if self._is_confirmed(one, before, parent)]
        trust_tile = by_tile in confirmed and by_record not in confirmed
        events_read: dict[int, Event | None] = {}
        for leaf, mine, theirs in zip(range(begin, begin + width), computed, hashes, strict=True):
            if mine != theirs:
                self._name_difference(leaf, trust_tile=trust_tile, confirmed=bool(confirmed))
            if leaf - begin < len(records) and (mine == theirs or not trust_tile):
                events_read[leaf] = self._read_record(leaf, records[leaf - begin])
            else:
                self.continuity.unreadable()
        if self.index:
            self._compare_index(self.index, begin, events_read)
        return by_tile if trust_tile else by_record

    def _name_difference(self, leaf: int, *, trust_tile: bool, confirmed: bool) -> None:
        path = tile_path(0, leaf // WIDTH)
        if trust_tile:
            self.findings.add("record", f"record {leaf} was changed", leaf)
        elif confirmed:
            self.findings.add("tile", f"`{path}`: the hash of record {leaf} was changed", leaf)
        else:
            self.findings.add("record", f"record {leaf} or its hash in `{path}` was changed", leaf)

    def _is_confirmed(self, root: bytes, before: Sequence[bytes], parent: bytes | None) -> bool:
        return root == parent if parent else merkle.root_of([*before, root]) == self.signed_root

    def _records(self, index: int, width: int, hashes: Sequence[bytes]) -> list[bytes]:
        """The records of a bundle as far as they can be told apart: a changed length hides those behind it."""
        path = tile_path(ENTRIES, index, width)
        try:
            data = self.tiles.bundle(index, width)
        except LogUnreadable as failure:
            self.findings.add("entries", str(failure), index * WIDTH)
            return []
        records, end = split(data)
        if len(records) < width or end < len(data):
            same = (merkle.hash_leaf(record) == known for record, known in zip(records, hashes, strict=False))
            records = [record for record, _ in zip(records, itertools.takewhile(bool, same), strict=False)]
            leaf = index * WIDTH + len(records)
            what = f"`{path}`: record {leaf} or its length was changed; what follows cannot be told apart"
            self.findings.add("entries", what, leaf)
        return records[:width]

    def _hashes(self, index: int, width: int) -> list[bytes] | None:
        try:
            return self.tiles.hashes(0, index, width)
        except LogUnreadable as failure:
            self.findings.add("tile", str(failure))
            return None

    def _stored_hashes(self, level: int) -> Iterator[bytes | None]:
        """All stored hashes of a level; None for those of a tile that cannot be read."""
        count = self.size >> 8 * level
        for index in range(-(-count // WIDTH)):
            width = min(WIDTH, count - index * WIDTH)
            try:
                yield from self.tiles.hashes(level, index, width)
            except LogUnreadable as failure:
                self.findings.add("tile", str(failure))
                yield from [None] * width

    def _compare_upper_tiles(self, hashes: Sequence[bytes]) -> None:
        level = 1
        while len(hashes) >= WIDTH:
            level += 1
            hashes = [merkle.root_of(hashes[at : at + WIDTH]) for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]
            for index, (mine, theirs) in enumerate(zip(hashes, self._stored_hashes(level), strict=True)):
                if theirs not in (None, mine):
                    path = tile_path(level, index // WIDTH)
                    self.findings.add("tile", f"`{path}`: hash {index % WIDTH} was changed")

    def _read_record(self, leaf: int, data: bytes) -> Event | None:
        self.records += 1
        try:
            record = decode(data)
            self.continuity.follow(leaf, record, data)
            event = events.decode(record.event)
        except RecordMalformed as failure:
            self.findings.add("record", f"record {leaf} is under the root, but malformed: {failure}", leaf)
            return None
        if event.kind is EventKind.SPOOL_OPENED and event.detail.get("lost"):
            what = f"spool {record.spool.hex()} was damaged: {event.detail['lost']} records before this one are lost"
            self.findings.add("lost", what, leaf)
        return event

    def open_index(self, index: Path, stack: contextlib.ExitStack) -> sqlite3.Connection | None:
        """The index, once what can be said without the log is said."""
        try:
            connection = stack.enter_context(indexes.inspect(index))
            for what in indexes.damages(connection):
                self.findings.add("index", f"index is damaged: {what}")
        except sqlite3.Error as failure:
            self._lose_index(failure)
            return None
        return connection

    def compare_ends(self) -> None:
        """Check that the index says nothing of what is not in the log."""
        try:
            for leaf in indexes.outside(self.index, self.size) if self.index else ():
                self.findings.add("index", f"index has a row for record {leaf}, which is not in the log", leaf)
        except sqlite3.Error as failure:
            self._lose_index(failure)

    def _lose_index(self, failure: sqlite3.Error) -> None:
        self.findings.add("index", f"index cannot be read: {failure}")
        self.index = None

    def _compare_index(self, index: sqlite3.Connection, begin: int, known: dict[int, Event | None]) -> None:
        try:
            rows = indexes.read_rows(index, begin, begin + WIDTH)
            covered = indexes.covered_size(index)
            told = {leaf: event for leaf, event in known.items() if event and leaf < covered}
            for leaf in indexes.find_hidden_leaves(index, told, begin // indexes.BLOCK)[:1]:
                self.findings.add("index", f"index hides record {leaf} from a search by kind, result or time", leaf)
        except sqlite3.Error as failure:
            self._lose_index(failure)
            return
        for leaf, event in known.items():
            row = rows.get(leaf)
            if event and row is None and leaf < covered:
                self.findings.add("index", f"index has no row for record {leaf}", leaf)
            elif row and leaf >= covered:
                self.findings.add("index", f"index has a row for record {leaf}, which it does not cover yet", leaf)
            elif event and row and row != (indexes.row_of(leaf, event), indexes.people_of(event)):
                self.findings.add("index", f"index says something else of record {leaf}", leaf)
