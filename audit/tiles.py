"""The log on disk, which is the truth: hash tiles and entry bundles in the layout of C2SP tlog-tiles.

`tile/<level>/<index>[.p/<width>]` holds up to 256 hashes of subtrees over 256^level leaves each;
`tile/entries/<index>[.p/<width>]` holds up to 256 records, each behind its length (2 bytes, big endian).
Indexes are written in groups of three digits, `1234067` as `x001/x234/067`. What lies beyond the signed size is
the leftover of a crash: nobody reads it, and the next sequencer removes it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from audit import durable, merkle
from audit.checkpoint import Checkpoint, parse
from audit.errors import CheckpointInvalid, LogUnreadable
from audit.record import join, split
from crypto.sign import VerifyingKey

WIDTH = 256
HASH_BYTES = 32
ENTRIES = "entries"
CHECKPOINT = "checkpoint"
_LEVELS = 8
_KEPT_TILES = 256
_READS = 3  # a partial tile may be replaced by a larger one while we look


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile below the log's folder.
    `level` is a number or "entries"; `width` is how many hashes or records it has.
    """
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(("tile", str(level), *groups)) + ("" if width == WIDTH else f".p/{width}")


class Tiles:
    """Reads and appends tiles below one folder. Every size that is given comes from a checkpoint."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def checkpoint(self, key: VerifyingKey, origin: str) -> Checkpoint:
        """Return the signed size and root of log `origin`. Raises CheckpointInvalid."""
        try:
            text = (self.log / CHECKPOINT).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError) as failure:
            raise CheckpointInvalid("checkpoint is missing or not text") from failure
        return parse(text, key, origin)

    def hashes(self, level: int, index: int, width: int) -> list[bytes]:
        """Return the first `width` hashes of a tile. Raises LogUnreadable."""
        data = self._read(level, index, width)
        if len(data) % HASH_BYTES or len(data) < width * HASH_BYTES:
            raise LogUnreadable(f"`{tile_path(level, index, width)}` has {len(data)} bytes")
        return [data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]

    def bundle(self, index: int, width: int) -> bytes:
        """Return an entry bundle as it is stored, of `width` records or more. Raises LogUnreadable."""
        return self._read(ENTRIES, index, width)

    def records(self, begin: int, size: int) -> Iterator[tuple[int, bytes]]:
        """Yield (leaf, record) from leaf `begin` to `size` (excluded). Raises LogUnreadable."""
        for index in range(begin // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - index * WIDTH)
            records, _ = split(self.bundle(index, width))
            if len(records) < width:
                raise LogUnreadable(f"`{tile_path(ENTRIES, index, width)}` has {len(records)} records")
            first = max(begin - index * WIDTH, 0)
            yield from enumerate(records[first:width], index * WIDTH + first)

    def record(self, leaf: int, size: int) -> bytes:
        """Return the bytes of the record at `leaf`, unchecked. Raises LogUnreadable."""
        if not 0 <= leaf < size:
            raise LogUnreadable(f"leaf {leaf} is outside a log of {size}")
        records, _ = split(self.bundle(leaf // WIDTH, min(WIDTH, size - leaf // WIDTH * WIDTH)))
        if leaf % WIDTH >= len(records):
            raise LogUnreadable(f"record {leaf} is missing from its bundle")
        return records[leaf % WIDTH]

    def node(self, size: int) -> merkle.Node:
        """Return the tree of `size` leaves, as a function that reads its nodes from the tiles."""
        hashes = lru_cache(maxsize=_LEVELS)(self.hashes)  # a root asks the last tiles for node after node

        def read(height: int, index: int) -> bytes:
            level, rest = divmod(height, 8)
            tile, offset = divmod(index << rest, WIDTH)
            width = min(WIDTH, (size >> 8 * level) - tile * WIDTH)
            return merkle.root_of(hashes(level, tile, width)[offset : offset + (1 << rest)])

        return read

    def append(self, size: int, records: Sequence[bytes]) -> int:
        """Write `records` behind the first `size`, and return the new size. It counts only once a checkpoint says so.
        Raises OSError.
        """
        last = size - size % WIDTH
        row = [*(record for _, record in self.records(last, size)), *records]
        files = {self._place(ENTRIES, last + at, tile): join(tile) for at, tile in _tiles(row)}
        level, begin, fresh = 0, size, [merkle.hash_leaf(record) for record in records]
        while fresh:
            fresh = self._extend(level, begin, fresh, files)
            level, begin = level + 1, begin >> 8
        durable.replace_all(files)
        return size + len(records)

    def prune(self, old: int, new: int) -> None:
        """Remove the partial tiles of a log of size `old` that size `new` replaced."""
        for level, shift in _levels():
            path = _edge(level, old >> shift)
            if path.name != "0" and path != _edge(level, new >> shift):
                _remove(self.log / path)

    def discard_beyond(self, size: int, *, records: int) -> None:
        """Remove what a pass of at most `records` records wrote beyond `size` before it was cut off."""
        for level, shift in _levels():
            index = size >> shift + 8
            keep = self.log / _edge(level, size >> shift)
            for tile in range(index, index + (records >> shift + 8) + 2):
                full = self.log / tile_path(level, tile)
                if full.exists():
                    full.unlink()
                for part in [*full.with_name(full.name + ".p").glob("*")]:
                    if part != keep:
                        _remove(part)

    def _extend(self, level: int, begin: int, fresh: Sequence[bytes], files: dict[Path, bytes]) -> list[bytes]:
        """Put `fresh` hashes behind the first `begin` of a level; return the roots of the tiles that became full."""
        index, width = divmod(begin, WIDTH)
        row = [*(self.hashes(level, index, width) if width else ()), *fresh]
        files |= {self._place(level, begin - width + at, tile): b"".join(tile) for at, tile in _tiles(row)}
        return [merkle.root_of(tile) for _, tile in _tiles(row) if len(tile) == WIDTH]

    def _place(self, level: int | str, begin: int, tile: Sequence[bytes]) -> Path:
        return self.log / tile_path(level, begin // WIDTH, len(tile))

    def _read(self, level: int | str, index: int, width: int) -> bytes:
        """The tile of exactly this width first: a full one beside it may be the leftover of a crash."""
        for _ in range(_READS):
            for candidate in (width, WIDTH):
                with contextlib.suppress(FileNotFoundError):
                    return (self.log / tile_path(level, index, candidate)).read_bytes()
            parts = (self.log / tile_path(level, index, 1)).parent.glob("*")
            for larger in sorted(int(part.name) for part in parts if part.name.isdecimal() and int(part.name) > width):
                with contextlib.suppress(FileNotFoundError):
                    return (self.log / tile_path(level, index, larger)).read_bytes()
        raise LogUnreadable(f"`{tile_path(level, index, width)}` is missing")


class KeptTiles(Tiles):
    """Tiles for many questions under one checkpoint. It keeps the tiles that were read last; nobody changes them."""

    def __init__(self, log: Path) -> None:
        super().__init__(log)
        self._kept = lru_cache(maxsize=_KEPT_TILES)(super()._read)

    def _read(self, level: int | str, index: int, width: int) -> bytes:
        return self._kept(level, index, width)


def _tiles(row: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    return ((at, row[at : at + WIDTH]) for at in range(0, len(row), WIDTH))


def _levels() -> Iterator[tuple[int | str, int]]:
    """Each level with the number of bits by which the log's size is shifted to count its hashes."""
    return iter([(ENTRIES, 0), *((level, 8 * level) for level in range(_LEVELS))])


def _edge(level: int | str, count: int) -> Path:
    """Path of the partial tile at the end of a level of `count` hashes."""
    index, width = divmod(count, WIDTH)
    return Path(tile_path(level, index, width))


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty, or gone already
        part.parent.rmdir()
