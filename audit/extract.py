"""Extract: the files of a log as it was at one checkpoint, read beside a running sequencer; and how far that is."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.checkpoint import Checkpoint, parse
from audit.errors import CheckpointInvalid, LogUnreadable
from audit.log import Log
from audit.record import decode, join, split
from audit.segment import SUFFIX, segments, whole
from audit.tiles import CHECKPOINT, ENTRIES, WIDTH, Tiles, tile_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A moment of a log: its checkpoint, and the last record of each spool under it."""

    text: str  # the checkpoint as signed
    checkpoint: Checkpoint
    last: Mapping[bytes, bytes]  # spool → its last record

    def covers(self, ends: Mapping[bytes, int]) -> bool:
        """Return whether the log holds all that the spools held when `ends_of` returned `ends`."""
        return all(spool in self.last and decode(self.last[spool]).sequence >= end for spool, end in ends.items())


def stand(log: Log) -> Stand | None:
    """Return how far the log is now, or None while the sequencer is between two files.
    Raises CheckpointInvalid, LogUnreadable.
    """
    tiles = Tiles(log.tiles)
    try:
        text = (log.tiles / CHECKPOINT).read_text(encoding="utf-8")
        checkpoint = parse(text, log.key, log.origin)
        told = json.loads((log.tiles / "heads").read_bytes())
        leaves = {bytes.fromhex(spool): int(leaf) for spool, leaf in told["last"].items()}
        if int(told["size"]) != checkpoint.size:
            return None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as failure:
        raise CheckpointInvalid("checkpoint is missing or not text") from failure
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise LogUnreadable(f"`heads` cannot be read: {type(failure).__name__}") from failure
    last = {spool: tiles.record(leaf, checkpoint.size) for spool, leaf in leaves.items()}
    return Stand(text=text, checkpoint=checkpoint, last=last)


def extract(log: Log, at: Stand) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of every file of an audit folder that can carry on where `at` stands. Raises LogUnreadable,
    OSError.

    Of a spool it yields only the last record under the checkpoint: the next record is chained to it.
    """
    tiles, size = Tiles(log.tiles), at.checkpoint.size
    for index in range(-(-size // WIDTH)):
        width = min(WIDTH, size - index * WIDTH)
        records, _ = split(tiles.bundle(index, width))
        if len(records) < width:
            raise LogUnreadable(f"`{tile_path(ENTRIES, index, width)}` has {len(records)} records")
        yield f"log/{tile_path(ENTRIES, index, width)}", join(records[:width])
    level, count = 0, size
    while count:
        for index in range(-(-count // WIDTH)):
            width = min(WIDTH, count - index * WIDTH)
            yield f"log/{tile_path(level, index, width)}", b"".join(tiles.hashes(level, index, width))
        level, count = level + 1, count >> 8
    yield f"log/{CHECKPOINT}", at.text.encode()
    for directory in _directories(log.spools):
        for spool, _ in _end(directory):
            if record := at.last.get(spool):
                yield f"spools/{directory.name}/{decode(record).sequence:020d}{SUFFIX}", join([record])


def ends_of(spools: Path) -> dict[bytes, int]:
    """Return, for each spool, the number of the last record in its files now. Raises OSError."""
    return {spool: sequence for directory in _directories(spools) for spool, sequence in _end(directory)}


def _end(directory: Path) -> list[tuple[bytes, int]]:
    """The spool a folder ends with, and its last record's number; nothing where there is none."""
    for path in reversed(segments(directory)):
        for record in whole(path.read_bytes()).records[-1:]:
            return [(record.spool, record.sequence)]
    return []


def _directories(spools: Path) -> list[Path]:
    return sorted(path for path in spools.iterdir() if path.is_dir())
