"""Whether each spool's records follow one another, in the log and from the log into the spool's files."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from audit.findings import Findings
from audit.record import Head, Record
from audit.segment import count_hidden, first_of, segments, whole


@dataclass(slots=True, kw_only=True)
class Continuity:
    """Finds gaps between the records of each spool. It reads the spools' files before the log, so that it sees what a
    sequencer moves meanwhile at least once.
    """

    findings: Findings
    _heads: dict[bytes, Head] = field(default_factory=dict)  # by spool, as the log was read so far
    _unreadable: int = 0  # records of the log that could not be read so far
    _excused: dict[bytes, int] = field(default_factory=dict)  # `_unreadable` when a spool was last seen
    _filed: dict[tuple[bytes, int], bytes] = field(default_factory=dict)  # digests of the records in the files
    _firsts: dict[tuple[bytes, int], Record] = field(default_factory=dict)

    def read_files(self, spools: Path) -> None:
        """Read what the files of the spools hold now. Raises OSError."""
        for directory in _directories(spools):
            head: Head | None = None
            for path in segments(directory):
                try:
                    data = path.read_bytes()
                except FileNotFoundError:  # sequenced and removed meanwhile
                    continue
                head = self._read_segment(f"{directory.name}/{path.name}", path, data, head)

    def unreadable(self) -> None:
        """Count one record of the log that could not be read. It excuses one gap."""
        self._unreadable += 1

    def follow(self, leaf: int, record: Record, data: bytes) -> None:
        """Take the next record of the log: `record` at `leaf`, whose bytes are `data`."""
        spool, head = record.spool, self._heads.get(record.spool, Head())
        gap, excuse = record.sequence - head.next, self._unreadable - self._excused.get(spool, 0)
        name = f"spool {spool.hex()}"
        if gap < 0:
            self.findings.add("order", f"{name}: record {record.sequence} stands behind record {head.next - 1}", leaf)
            return
        if gap > excuse:
            what = f"{name}: records {head.next} to {record.sequence - 1} are missing before this one"
            self.findings.add("gap", what, leaf)
        elif gap == 0 and not record.follows(head):
            self.findings.add("chain", f"{name}: record {record.sequence} is not chained to the one before", leaf)
        self._heads[spool], self._excused[spool] = record.head, self._unreadable
        filed = self._filed.pop((spool, record.sequence), None)
        if filed and filed != hashlib.sha256(data).digest():
            self.findings.add("spool", f"{name}: record {record.sequence} is another in the spool's file", leaf)

    def compare_files(self, spools: Path) -> None:
        """Compare the files of the spools with the end of the log. Raises OSError."""
        ends: dict[bytes, int] = {}
        for directory in _directories(spools):
            for path in segments(directory)[-1:]:
                for record in whole(path.read_bytes()).records[-1:]:
                    ends[record.spool] = record.sequence
        for spool, head in self._heads.items():
            if spool not in ends:
                self.findings.add("spool", f"spool {spool.hex()}: its files are missing")
            elif ends[spool] < head.next - 1:
                what = f"its files end with record {ends[spool]}, the log holds it up to {head.next - 1}"
                self.findings.add("spool", f"spool {spool.hex()}: {what}")
        self._compare_waiting()

    def _compare_waiting(self) -> None:
        """What only the files hold must begin where the log ends; each file was checked in itself."""
        excuse, expected = self._unreadable, {spool: head.next for spool, head in self._heads.items()}
        for spool, sequence in sorted(self._filed):
            name, head, next_one = f"spool {spool.hex()}", self._heads.get(spool, Head()), expected.get(spool, 0)
            if sequence < next_one:
                if not excuse:
                    self.findings.add("spool", f"{name}: record {sequence} is in its file and not in the log")
                excuse = max(excuse - 1, 0)
                continue
            if sequence > next_one:
                what = f"records {next_one} to {sequence - 1} are neither in the log nor in its files"
                self.findings.add("tail", f"{name}: {what}")
            first = self._firsts.get((spool, sequence))
            if sequence == head.next and first and not first.follows(head):
                self.findings.add("chain", f"{name}: record {sequence} does not continue the log")
            expected[spool] = sequence + 1

    def _read_segment(self, name: str, path: Path, data: bytes, head: Head | None) -> Head | None:
        read = whole(data)
        if not read.records or read.records[0].sequence != first_of(path):
            self.findings.add("spool", f"`{name}` does not begin with the record it is named after")
            return head
        first = read.records[0]
        self._firsts[first.spool, first.sequence] = first
        if head and first.sequence == head.next and not first.follows(head):
            self.findings.add("spool", f"`{name}`: record {first.sequence} does not continue the segment before")
        for record, stored, sound in zip(read.records, read.stored, read.sound, strict=True):
            if not sound:
                self.findings.add("spool", f"`{name}`: record {record.sequence} or the chain in it was changed")
            self._filed[record.spool, record.sequence] = hashlib.sha256(stored).digest()
        if count_hidden(data, read.end, first.spool):
            what = f"after record {read.records[-1].sequence} stand records that do not continue it"
            self.findings.add("spool", f"`{name}`: {what}")
        return read.records[-1].head


def _directories(spools: Path) -> list[Path]:
    return sorted(path for path in spools.iterdir() if path.is_dir())
