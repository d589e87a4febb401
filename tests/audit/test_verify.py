"""Whatever is changed in the files is found and named."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from audit import merkle
from audit.checkpoint import Checkpoint, sign
from audit.event import encode
from audit.record import Head, decode, join, link, split
from audit.segment import segments
from audit.tiles import Tiles
from crypto.sign import SigningKey
from tests.audit.city import KEY, ORIGIN, City, event

RECORDS = 701


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    city = City(tmp_path_factory.mktemp("city"))
    city.write(*(event(number, detail={"person": f"user:p{number}"}) for number in range(700)))
    assert city.integrate() == RECORDS
    city.refresh()
    assert city.verify().status == "intact"
    return city.root


@pytest.fixture
def city(built: Path, tmp_path: Path) -> City:
    shutil.copytree(built, tmp_path / "city")
    return City(tmp_path / "city")


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def named(city: City) -> set[tuple[str, int | None]]:
    report = city.verify()
    assert report.status == "tampered"
    return {(finding.kind, finding.leaf) for finding in report.findings}


def start_of(bundle: bytes, number: int) -> int:
    return len(join(split(bundle)[0][:number]))


@pytest.mark.parametrize(("tile", "first"), [("000", 0), ("001", 256), ("002.p/189", 512)])
@pytest.mark.parametrize("number", [0, 100, 188])
@pytest.mark.parametrize("offset", [2, 10, 15, 30, 60, 200])
def test_a_changed_byte_in_a_record_names_the_record(
    city: City, tile: str, first: int, number: int, offset: int
) -> None:
    path = city.log / "tile/entries" / tile
    flip(path, start_of(path.read_bytes(), number) + offset)
    assert named(city) == {("record", first + number)}


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("number", [0, 100, 188])
def test_a_changed_length_names_the_record_it_hides(city: City, number: int, offset: int) -> None:
    path = city.log / "tile/entries/002.p/189"
    flip(path, start_of(path.read_bytes(), number) + offset)
    assert named(city) == {("entries", 512 + number)}


@pytest.mark.parametrize(("tile", "first"), [("000", 0), ("002.p/189", 512)])
@pytest.mark.parametrize("number", [0, 100, 188])
def test_a_changed_byte_in_a_hash_names_the_tile_and_no_record(city: City, tile: str, first: int, number: int) -> None:
    flip(city.log / "tile/0" / tile, number * 32 + 5)
    assert named(city) == {("tile", first + number)}


def test_a_changed_byte_in_an_upper_tile_names_it(city: City) -> None:
    flip(city.log / "tile/1/000.p/2", 40)
    (finding,) = city.verify().findings
    assert finding.what == "`tile/1/000`: hash 1 was changed"


@pytest.mark.parametrize("name", ["tile/entries/001", "tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/189"])
@pytest.mark.parametrize("left", [0, 31, None])
def test_a_missing_or_short_file_is_named(city: City, name: str, left: int | None) -> None:
    path = city.log / name
    path.unlink() if left is None else path.write_bytes(path.read_bytes()[:left])
    assert named(city) <= {("tile", None), ("entries", 256), ("entries", 512), ("root", None)}


def test_no_byte_of_the_checkpoint_can_change(city: City) -> None:
    for at in range(0, (city.log / "checkpoint").stat().st_size, 7):
        flip(city.log / "checkpoint", at)
        assert city.verify().status in {"tampered", "unreadable"}
        flip(city.log / "checkpoint", at)
    assert city.verify().status == "intact"


def test_every_byte_of_a_segment_counts(city: City) -> None:
    (segment,) = segments(city.spools / "city")
    for at in range(3, segment.stat().st_size, 8191):
        flip(segment, at)
        assert any(finding.kind == "spool" for finding in city.verify().findings), at
        flip(segment, at)


def test_a_record_rewritten_with_all_its_hashes_is_named_by_its_chain_and_the_root(city: City) -> None:
    tiles = Tiles(city.log)
    records = [data for _, data in tiles.records(0, RECORDS)]
    one = decode(records[300])
    records[300] = records[300][:49] + one.event.replace(b"permit", b"denied")
    shutil.rmtree(city.log / "tile")
    tiles.append(0, records)
    found = named(city)
    assert ("root", None) in found
    assert ("chain", 300) in found


def test_with_the_signing_key_stolen_a_missing_record_is_still_a_gap(city: City) -> None:
    records = [data for _, data in Tiles(city.log).records(0, RECORDS)]
    resign(city, records[:300] + records[301:])
    assert ("gap", 300) in named(city)


def test_with_the_signing_key_stolen_a_swapped_pair_is_still_out_of_order(city: City) -> None:
    records = [data for _, data in Tiles(city.log).records(0, RECORDS)]
    records[300], records[301] = records[301], records[300]
    resign(city, records)
    assert {("gap", 300), ("order", 301)} <= named(city)


def test_a_shortened_tail_is_named_by_the_spool_and_by_a_pinned_checkpoint(city: City) -> None:
    pinned = Tiles(city.log).checkpoint(KEY.public, ORIGIN)
    records = [data for _, data in Tiles(city.log).records(0, RECORDS)]
    (segment,) = segments(city.spools / "city")
    resign(city, records[:650])
    city.index.unlink()
    rest = segment.with_name(f"{680:020d}.segment")
    rest.write_bytes(join(records[680:]))
    segment.unlink()
    assert ("tail", None) in named(city)
    shutil.rmtree(city.spools)
    report = city.verify(spools=None, pinned=pinned)
    assert [finding.kind for finding in report.findings] == ["pinned"]
    assert city.verify(spools=None).status == "intact"


def resign(city: City, records: list[bytes]) -> None:
    """What somebody with the key could do: the same log, other records."""
    shutil.rmtree(city.log)
    size, root = Tiles(city.log).append(0, records), merkle.root_of([merkle.hash_leaf(one) for one in records])
    (city.log / "checkpoint").write_text(sign(Checkpoint(origin=ORIGIN, size=size, root=root), KEY), encoding="utf-8")


def test_a_rewritten_log_does_not_continue_a_pinned_checkpoint(city: City) -> None:
    pinned = Checkpoint(origin=ORIGIN, size=700, root=bytes(32))
    assert [finding.kind for finding in city.verify(pinned=pinned).findings] == ["pinned"]
    true = Tiles(city.log).checkpoint(KEY.public, ORIGIN)
    city.write(event(9000))
    city.integrate()
    assert city.verify(pinned=true).status == "intact"


def test_a_missing_spool_and_a_shortened_spool_are_named(city: City) -> None:
    (segment,) = segments(city.spools / "city")
    segment.write_bytes(segment.read_bytes()[:-400])
    assert "its files end with record" in city.verify().findings[0].what
    shutil.rmtree(city.spools / "city")
    assert "its files are missing" in city.verify().findings[0].what


def test_an_acknowledged_record_lost_in_the_spool_is_named_for_ever(city: City) -> None:
    (segment,) = segments(city.spools / "city")
    with segment.open("ab") as file:
        head, spool = Head(next=RECORDS, chain=b""), decode(split(segment.read_bytes())[0][0]).spool
        file.write(b"\xff\xff" + join(link(spool, encode(event()), head)[0] for _ in range(2)))
    city.write(event(1))
    city.integrate()
    assert ("lost", RECORDS) in named(city)


INDEX_CHANGES = {
    "UPDATE record SET object = '/lie' WHERE leaf = 300": ("index", 300),
    "UPDATE record SET at = '' WHERE leaf = 0": ("index", 0),
    "DELETE FROM record WHERE leaf = 700": ("index", 700),
    "DELETE FROM about WHERE leaf = 300 AND person <> 'user:li'": ("index", 300),
    "INSERT INTO about VALUES (0, 'user:framed', 300)": ("index", 300),
    "INSERT INTO about VALUES (1, 'user:framed', 7000)": ("index", 7000),
    "INSERT INTO record (leaf, at) VALUES (701, '')": ("index", 701),
    "DROP TABLE about": ("index", None),
    "DELETE FROM said WHERE kind = 'spool-opened'": ("index", 0),
    "UPDATE said SET since = '2026-03-01T08:00:00.200Z' WHERE kind = 'decision'": ("index", 1),
}


@pytest.mark.parametrize("change", INDEX_CHANGES)
def test_a_changed_index_is_named_by_leaf(city: City, change: str) -> None:
    connection = sqlite3.connect(city.index)
    connection.execute(change)
    connection.commit()
    connection.close()
    assert named(city) == {INDEX_CHANGES[change]}


def test_an_index_that_is_no_database_is_named(city: City) -> None:
    city.index.write_bytes(b"nonsense" * 1000)
    assert named(city) == {("index", None)}


def test_an_index_that_lags_behind_is_not_a_finding(city: City) -> None:
    city.write(event(9000))
    city.integrate()
    assert city.verify().status == "intact"


def test_two_changes_are_both_named(city: City) -> None:
    path = city.log / "tile/entries/000"
    flip(path, start_of(path.read_bytes(), 10) + 100)
    flip(path, start_of(path.read_bytes(), 20) + 100)
    flip(city.log / "tile/0/001", 0)
    assert {("record", 10), ("record", 20), ("tile", 256)} == named(city)


def test_findings_are_bounded(city: City) -> None:
    path = city.log / "tile/entries/000"
    data = bytearray(path.read_bytes())
    for number in range(256):
        data[start_of(bytes(data), number) + 100] ^= 1
    path.write_bytes(data)
    assert len(city.verify().findings) == 100


def test_another_key_and_a_missing_log_are_not_intact(city: City) -> None:
    assert city.verify(key=SigningKey(bytes(32)).public).status == "tampered"
    shutil.rmtree(city.log)
    assert city.verify().status == "unreadable"
