"""Tiles on a real disk against hashes in memory."""

from pathlib import Path

import pytest

from audit import merkle
from audit.errors import LogUnreadable
from audit.tiles import Tiles, tile_path
from tests.audit.in_memory import nodes_of

RECORDS = [str(number).encode() * 20 for number in range(70_000)]


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (1, 5, 3, "tile/1/005.p/3"),
        ("entries", 1234067, 256, "tile/entries/x001/x234/067"),
        (0, 1000, 1, "tile/0/x001/000.p/1"),
    ],
)
def test_paths_are_those_of_tlog_tiles(level: int | str, index: int, width: int, path: str) -> None:
    assert tile_path(level, index, width) == path


def test_a_log_grown_in_steps_has_every_record_hash_and_root(tmp_path: Path) -> None:
    tiles, size = Tiles(tmp_path), 0
    hashes = [merkle.hash_leaf(record) for record in RECORDS[:1100]]
    for step in (1, 1, 253, 1, 1, 255, 300, 0, 288):
        old, size = size, tiles.append(size, RECORDS[size : size + step])
        tiles.prune(old, size)
        assert list(tiles.records(0, size)) == list(enumerate(RECORDS[:size]))
        assert merkle.root(size, tiles.node(size)) == merkle.root_of(hashes[:size])
    assert tiles.record(511, size) == RECORDS[511]
    assert merkle.inclusion_proof(511, size, tiles.node(size)) == merkle.inclusion_proof(511, size, nodes_of(hashes))
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    entries = [
        f"tile/{level}/{name}" for level in ("0", "1", "entries") for name in ("000", "001", "002", "003", "004.p/76")
    ]
    assert left == sorted([*(e for e in entries if not e.startswith("tile/1")), "tile/1/000.p/4"])


def test_levels_above_the_first_grow_too(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    size = tiles.append(0, RECORDS[:65_000])
    size = tiles.append(size, RECORDS[65_000:])
    assert (tmp_path / "tile/2/000.p/1").stat().st_size == 32
    assert merkle.root(size, tiles.node(size)) == merkle.root_of([merkle.hash_leaf(record) for record in RECORDS])


def test_an_older_size_can_be_read_while_the_log_grows(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.append(0, RECORDS[:10])
    tiles.append(10, RECORDS[10:300])
    tiles.prune(10, 300)
    assert merkle.root(10, tiles.node(10)) == merkle.root_of([merkle.hash_leaf(record) for record in RECORDS[:10]])


def test_leftovers_of_an_unfinished_pass_are_not_read_and_are_removed(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.append(0, RECORDS[:10])
    tiles.append(10, [b"never signed"] * 700)
    assert list(tiles.records(0, 10)) == list(enumerate(RECORDS[:10]))
    tiles.discard_beyond(10, records=1000)
    assert sorted(p.relative_to(tmp_path / "tile").as_posix() for p in tmp_path.rglob("*") if p.is_file()) == [
        "0/000.p/10",
        "entries/000.p/10",
    ]


def test_what_is_missing_or_short_is_said(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.append(0, RECORDS[:10])
    for leaf in (-1, 10):
        with pytest.raises(LogUnreadable):
            tiles.record(leaf, 10)
    (tmp_path / "tile/0/000.p/10").write_bytes(bytes(31))
    with pytest.raises(LogUnreadable):
        tiles.hashes(0, 0, 10)
    (tmp_path / "tile/entries/000.p/10").unlink()
    with pytest.raises(LogUnreadable):
        tiles.record(3, 10)
