"""One log out of all spools, and a signed checkpoint after each pass.

A pass syncs and reads what the spools hold beyond the log, writes entries and tiles, then the checkpoint, and only then
forgets: killed anywhere, the next start finds the last checkpoint, removes what lies beyond it and reads the same
records again. What the log already holds of a spool is read from the log itself; the file `heads` only says where to
look.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit import durable, merkle
from audit.checkpoint import Checkpoint, sign
from audit.errors import CheckpointInvalid, ProofInvalid, SequencerRunning, SpoolBroken
from audit.record import Head, Record, decode, spool_of, stored_bytes
from audit.segment import count_hidden, first_of, segments, whole
from audit.tiles import CHECKPOINT, Tiles
from crypto.sign import SigningKey

PASS_RECORDS = 1 << 16
_HEADS = "heads"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """How far a spool's files are read: everything before `offset` of the segment that begins with `first`."""

    spool: bytes = b""
    first: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """What one spool holds beyond the log."""

    records: Sequence[bytes]
    place: _Place
    broken: str  # why nothing behind them can be taken


class Sequencer:
    """The only writer of the log in the folder `log`. It takes records from the spools in folders below `spools`."""

    def __init__(self, *, spools: Path, log: Path, key: SigningKey, origin: str) -> None:
        """Take the log's lock and find its end. Raises SequencerRunning, CheckpointInvalid, LogUnreadable, OSError."""
        durable.make_folder(log)
        durable.make_folder(spools)
        self._spools, self._log, self._key, self._origin = spools, log, key, origin
        self._tiles = Tiles(log)
        self._unfinished = True
        try:
            self._lock = durable.lock(log / "lock")
        except BlockingIOError:
            raise SequencerRunning("another sequencer writes this log") from None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the log's lock back."""
        os.close(self._lock)

    def integrate(self) -> int:
        """Bring into the log what the spools hold beyond it, and sign it. Return the new size. May be called again
        after any failure.

        Raises SpoolBroken once the other spools are integrated; ProofInvalid if the tiles do not lead to what was
        signed before; OSError.
        """
        if self._unfinished:
            self._start()
        pending = self._collect()
        records = [record for one in pending.values() for record in one.records]
        if records:
            self._unfinished = True
            self._publish(self._tiles.append(self._size, records), records)
            self._unfinished = False
        for directory, one in pending.items():
            self._places[directory] = one.place
            for path in segments(directory):
                if first_of(path) < one.place.first:
                    path.unlink(missing_ok=True)
        for one in pending.values():
            if one.broken:
                raise SpoolBroken(one.broken)
        return self._size

    def _start(self) -> None:
        self._places: dict[Path, _Place] = {}
        if not (self._log / CHECKPOINT).exists():
            if (self._log / "tile").exists():
                raise CheckpointInvalid("log has tiles and no checkpoint")
            self._sign(0, merkle.root_of(()))
        checkpoint = self._tiles.checkpoint(self._key.public, self._origin)
        self._size, self._root = checkpoint.size, checkpoint.root
        self._tiles.discard_beyond(self._size, records=PASS_RECORDS)
        self._last, known = self._known()
        for leaf, record in self._tiles.records(known, self._size):
            self._last[decode(record).spool] = leaf
        self._heads = {spool: decode(self._tiles.record(leaf, self._size)).head for spool, leaf in self._last.items()}
        self._unfinished = False

    def _known(self) -> tuple[dict[bytes, int], int]:
        """Each spool's last leaf as `heads` says, and for which size it says so. Raises CheckpointInvalid."""
        try:
            stored = json.loads((self._log / _HEADS).read_bytes())
            last = {bytes.fromhex(spool): int(leaf) for spool, leaf in stored["last"].items()}
            size = int(stored["size"])
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}, 0
        if size > self._size:
            raise CheckpointInvalid(f"checkpoint has {self._size} records where the log had {size}")
        if all(0 <= leaf < size and decode(self._tiles.record(leaf, size)).spool == one for one, leaf in last.items()):
            return last, size
        return {}, 0

    def _collect(self) -> dict[Path, _Pending]:
        pending, heads, room = {}, dict(self._heads), PASS_RECORDS
        for directory in sorted(path for path in self._spools.iterdir() if path.is_dir()):
            try:
                pending[directory] = self._read(directory, heads, room)
            except OSError as failure:
                place = self._places.get(directory, _Place())
                broken = f"spool `{directory.name}` cannot be read: {failure.strerror}"
                pending[directory] = _Pending(records=(), place=place, broken=broken)
            room -= len(pending[directory].records)
        return pending

    def _read(self, directory: Path, heads: dict[bytes, Head], room: int) -> _Pending:
        """Read up to `room` records of a spool that the log does not hold, and move its head. Raises OSError."""
        place = self._places.get(directory, _Place())
        records: list[bytes] = []
        broken = ""
        paths = [path for path in segments(directory) if first_of(path) >= place.first]
        for path in paths:
            offset = place.offset if first_of(path) == place.first else 0
            data = _synced(path, offset)
            read, taken = whole(data), 0
            spool = read.records[0].spool if read.records else place.spool
            head = heads.get(spool, Head())
            broken = _contradiction(read.records, head)
            if read.records and not broken:
                known = head.next - read.records[0].sequence
                taken = min(known + room - len(records), len(read.records))
                if taken > known:
                    records += read.stored[known:taken]
                    heads[spool] = read.records[taken - 1].head
            place = _Place(spool=spool, first=first_of(path), offset=offset + stored_bytes(read.stored[:taken]))
            if path == paths[-1] and count_hidden(data, read.end, spool):  # earlier, the next segment tells of it
                broken = f"spool `{directory.name}`: `{path.name}` is broken"
            if broken or taken < len(read.records):
                break
        return _Pending(records=records, place=place, broken=broken)

    def _publish(self, size: int, records: Sequence[bytes]) -> None:
        """Sign the new size, unless the tiles beneath no longer lead to what was signed before. Raises ProofInvalid."""
        node = self._tiles.node(size)
        if merkle.root(self._size, node) != self._root:
            raise ProofInvalid(f"tiles of the first {self._size} records were changed: nothing more is signed")
        root = merkle.root(size, node)
        self._sign(size, root)
        last = {spool_of(record): leaf for leaf, record in enumerate(records, self._size)}
        self._last |= last
        self._heads |= {spool: decode(records[leaf - self._size]).head for spool, leaf in last.items()}
        old, self._size, self._root = self._size, size, root
        known = {spool.hex(): leaf for spool, leaf in self._last.items()}
        durable.note(self._log / _HEADS, json.dumps({"size": size, "last": known}).encode())
        self._tiles.prune(old, size)

    def _sign(self, size: int, root: bytes) -> None:
        checkpoint = Checkpoint(origin=self._origin, size=size, root=root)
        durable.replace(self._log / CHECKPOINT, sign(checkpoint, self._key).encode())


def _contradiction(records: Sequence[Record], head: Head) -> str:
    """Why `records`, of one spool and without a gap, cannot stand where the log left it at `head`; "" if they can."""
    if not records:
        return ""
    name, known = f"spool {records[0].spool.hex()}", head.next - records[0].sequence
    if known < 0:
        return f"{name}: records {head.next} to {records[0].sequence - 1} are missing from its files"
    if 0 < known <= len(records) and records[known - 1].chain != head.chain:
        return f"{name}: record {head.next - 1} is another in the log than in its file"
    return ""


def _synced(path: Path, offset: int) -> bytes:
    """What a segment durably holds from `offset` on: its writer need not have synced it yet."""
    with contextlib.closing(os.fdopen(os.open(path, os.O_RDWR | os.O_CLOEXEC), "rb")) as file:
        size = os.fstat(file.fileno()).st_size
        if size == offset:
            return b""
        os.fdatasync(file.fileno())
        file.seek(offset)
        return file.read(size - offset)
