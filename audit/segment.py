"""The files of one spool: segments of records, named after their first sequence number; how one begins, reads and ends.

A segment appears by rename, with a synced `spool-opened` record in it. Each begins where the one before was sound:
records whose fsync failed are repeated in the next, byte for byte, so a reader that saw them already skips them.
"""

import contextlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from audit import durable
from audit.errors import RecordMalformed
from audit.event import Event, EventKind
from audit.record import FORMAT, LENGTH_BYTES, SPOOL_BYTES, Head, Record, decode, join, split, stored_bytes

SUFFIX = ".segment"
DAMAGED = ".damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a start found of its spool's past.
    `cut_bytes` were no whole records; `lost` records stood behind a break and looked like ours.
    """

    spool: bytes
    head: Head = field(default_factory=Head)
    segment: str = ""
    cut_bytes: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """The well-formed records at the start of some bytes, up to the last sound one."""

    records: Sequence[Record]
    stored: Sequence[bytes]  # the same records' bytes
    sound: Sequence[bool]  # whether each is chained to the one before
    end: int  # offset behind the last


def segments(directory: Path) -> list[Path]:
    """Return the paths of a spool's segments, oldest first."""
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def first_of(segment: Path) -> int:
    """Return the sequence number that a segment begins with."""
    return int(segment.stem)


def whole(data: bytes, head: Head | None = None) -> Whole:
    """Return the records at the start of `data`. They continue `head`, where it is given.

    A changed record between sound ones is kept (verification will name it). What follows the last sound one is a torn
    tail and left out.
    """
    records: list[Record] = []
    sound: list[bool] = []
    for raw in (stored := split(data)[0]):
        try:
            record = decode(raw)
        except RecordMalformed:
            break
        if head is None:
            head = Head(record.sequence, b"")
            sound.append(True)
        elif record.sequence != head.next or (records and record.spool != records[0].spool):
            break
        else:
            sound.append(record.follows(head))
        records.append(record)
        head = record.head
    while sound and not sound[-1]:
        sound.pop()
    count = len(sound)
    return Whole(records=records[:count], stored=stored[:count], sound=sound, end=stored_bytes(stored[:count]))


def count_hidden(data: bytes, end: int, spool: bytes) -> int:
    """Return how many records of `spool` stand in `data` behind the torn or changed one at `end`; 0 after a mere crash.

    The mark that each record begins with cannot occur in an event, which has no byte 0x01 behind its first.
    """
    mark = FORMAT + spool
    return data.count(mark, end + LENGTH_BYTES + len(mark))


def find(directory: Path) -> Found:
    """Return where the spool in `directory` ended. A new one gets a random id. Raises OSError.

    A segment without one whole record is set aside under another name: it is evidence, not a spool.
    """
    for path in reversed(segments(directory)):
        data = path.read_bytes()
        read = whole(data)
        if read.records and read.records[0].sequence == first_of(path):
            return Found(
                spool=read.records[0].spool,
                head=read.records[-1].head,
                segment=path.stem,
                cut_bytes=len(data) - read.end,
                lost=count_hidden(data, read.end, read.records[0].spool),
            )
        path.rename(path.with_suffix(DAMAGED))
    return Found(spool=secrets.token_bytes(SPOOL_BYTES))


class Segment:
    """The segment that is being written."""

    def __init__(self, directory: Path, records: Sequence[bytes]) -> None:
        """Begin a segment with `records`, synced. Raises OSError; may be tried again with the same records."""
        self.path = directory / f"{decode(records[0]).sequence:020d}{SUFFIX}"
        data = join(records)
        durable.replace(self.path, data)
        self.size_bytes = len(data)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, records: Sequence[bytes]) -> None:
        """Append `records`. Raises OSError, perhaps after a part was written: then this segment must not be written
        again.
        """
        data = join(records)
        durable.write(self._descriptor, data)
        self.size_bytes += len(data)

    def sync(self) -> None:
        """Make what was written durable. Raises OSError: what was written since the last call may be lost."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file, whatever state it is in. Never raises."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def held_bytes(directory: Path) -> int:
    """Return how many bytes all segments have. One that the sequencer removes meanwhile counts nothing."""
    total = 0
    for path in segments(directory):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def opening(found: Found, *, why: str, at: datetime) -> Event:
    """Return the first new event of a segment. It says why the segment began and what it continues."""
    return Event(
        id=f"spool:{found.spool.hex()}:{found.head.next}",
        kind=EventKind.SPOOL_OPENED,
        at=at,
        subject="service:audit",
        result="ok",
        detail={
            "why": why,  # "start", "rotation" or "failure"
            "segment": found.segment,
            "last": found.head.next - 1,
            "chain": found.head.chain.hex(),
            "cut_bytes": found.cut_bytes,
            "lost": found.lost,
        },
    )
