"""One log out of all spools."""

import json
import shutil
from pathlib import Path

import pytest

from audit.errors import CheckpointInvalid, ProofInvalid, SequencerRunning, SpoolBroken
from audit.event import decode
from audit.record import decode as decode_record
from audit.segment import segments
from audit.tiles import Tiles
from tests.audit.city import KEY, ORIGIN, City, append, event


def ids(city: City) -> list[str]:
    tiles = Tiles(city.log)
    size = tiles.checkpoint(KEY.public, ORIGIN).size
    events = (decode(decode_record(data).event) for _, data in tiles.records(0, size))
    return [one.id for one in events if not one.id.startswith("spool:")]


def test_an_empty_log_is_signed_too(city: City) -> None:
    assert city.integrate() == 0
    assert city.verify().status == "intact"


def test_all_spools_come_in_once_and_in_their_order(city: City) -> None:
    city.write(*(event(number) for number in range(300)), name="a")
    city.write(*(event(number) for number in range(1000, 1300)), name="b")
    assert city.integrate() == 602
    assert city.integrate() == 602
    found = ids(city)
    assert [one for one in found if one < "request-001000"] == [event(number).id for number in range(300)]
    assert len(found) == len(set(found)) == 600
    assert city.verify().status == "intact"


def test_a_running_spool_is_followed_and_its_full_segments_are_forgotten(city: City) -> None:
    spool, sequencer = city.spool(limit_bytes=64 * 1024), city.sequencer()
    for number in range(300):
        append(spool, event(number))
        if number % 10 == 0:
            sequencer.integrate()
    sequencer.integrate()
    assert len(segments(city.spools / "city")) <= 2
    assert ids(city) == [event(number).id for number in range(300)]
    assert city.verify().status == "intact"
    sequencer.close()


def test_two_sequencers_cannot_write_one_log(city: City) -> None:
    first = city.sequencer()
    with pytest.raises(SequencerRunning):
        city.sequencer()
    first.close()
    city.sequencer().close()


def test_without_its_notes_it_finds_its_place_in_the_log(city: City) -> None:
    city.write(event(1), event(2))
    city.integrate()
    (city.log / "heads").unlink()
    city.write(event(3))
    assert city.integrate() == 5
    assert ids(city) == [event(number).id for number in (1, 2, 3)]


@pytest.mark.parametrize("leaf", [-1, 0, 99])
def test_wrong_notes_are_not_believed(city: City, leaf: int) -> None:
    city.write(event(1), name="a")
    city.write(event(2), name="b")
    city.integrate()
    notes = json.loads((city.log / "heads").read_text())
    notes["last"] = dict.fromkeys(notes["last"], leaf)
    (city.log / "heads").write_text(json.dumps(notes))
    city.write(event(3), name="a")
    assert city.integrate() == 6
    assert city.verify().status == "intact"


def test_a_spool_that_cannot_be_read_does_not_stop_the_others(city: City) -> None:
    (city.spools / "a" / f"{0:020d}.segment").mkdir(parents=True)
    city.write(event(1), name="b")
    with pytest.raises(SpoolBroken):
        city.integrate()
    assert ids(city) == [event(1).id]


def test_a_failed_pass_is_taken_up_again(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each durable step in turn fails as a full disk does; a pass behind it must be whole."""
    replace, sequencer, count = Path.replace, city.sequencer(), 0
    for failing in range(12):
        city.write(*(event(failing * 200 + number) for number in range(100)), name=f"spool-{failing % 3}")
        calls = iter(range(100))

        def full(fresh, path, calls=calls, failing=failing):  # type: ignore[no-untyped-def]
            if next(calls) == failing % 6:
                raise OSError(28, "No space left on device")
            return replace(fresh, path)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            try:
                sequencer.integrate()
            except OSError:
                count += 1
        assert city.verify().findings == ()
    sequencer.integrate()
    sequencer.close()
    assert count >= 8
    found = ids(city)
    assert len(found) == len(set(found)) == 1200
    assert city.verify().status == "intact"


def test_a_spool_that_does_not_continue_is_refused_and_the_others_are_not(city: City) -> None:
    for life in range(3):
        city.write(event(life), name="a")
    segments(city.spools / "a")[1].unlink()
    city.write(event(9), name="b")
    with pytest.raises(SpoolBroken):
        city.integrate()
    assert event(9).id in ids(city)


@pytest.mark.parametrize("behind", [False, True])
def test_a_break_in_a_spool_is_said_and_what_stands_before_it_is_taken(city: City, behind: bool) -> None:
    spool, sequencer = city.spool(), city.sequencer()
    for number in range(5):
        append(spool, event(number), synced=True)
    if behind:
        sequencer.integrate()
    (segment,) = segments(city.spools / "city")
    with segment.open("ab") as file:
        file.write(b"\0\1\0")
    append(spool, event(8), synced=True)
    append(spool, event(9), synced=True)
    with pytest.raises(SpoolBroken):
        sequencer.integrate()
    assert len(ids(city)) == 5
    sequencer.close()


def test_a_copied_spool_does_not_double_its_records(city: City) -> None:
    city.write(event(1), event(2), name="a")
    shutil.copytree(city.spools / "a", city.spools / "b")
    assert city.integrate() == 3
    assert city.integrate() == 3


@pytest.mark.parametrize("name", ["tile/0/001.p/46", "tile/1/000.p/1"])
def test_nothing_is_signed_over_changed_tiles(city: City, name: str) -> None:
    city.write(*(event(number) for number in range(301)))
    city.integrate()
    checkpoint = (city.log / "checkpoint").read_bytes()
    data = bytearray((city.log / name).read_bytes())
    data[0] ^= 1
    (city.log / name).write_bytes(data)
    city.write(event(1000))
    with pytest.raises(ProofInvalid):
        city.integrate()
    assert (city.log / "checkpoint").read_bytes() == checkpoint


def test_a_spool_put_back_to_an_older_state_is_refused(city: City) -> None:
    city.write(event(1))
    (segment,) = segments(city.spools / "city")
    older = segment.read_bytes()
    city.write(event(2))
    city.integrate()
    for path in segments(city.spools / "city"):
        path.unlink()
    segment.write_bytes(older)
    city.write(event(3), event(4), event(5))
    with pytest.raises(SpoolBroken):
        city.integrate()
    assert city.verify().status == "tampered"


def test_a_checkpoint_put_back_or_taken_away_is_noticed(city: City) -> None:
    city.write(event(1))
    city.integrate()
    older = (city.log / "checkpoint").read_bytes()
    city.write(event(2))
    city.integrate()
    (city.log / "checkpoint").write_bytes(older)
    with pytest.raises(CheckpointInvalid):
        city.integrate()
    (city.log / "checkpoint").unlink()
    with pytest.raises(CheckpointInvalid):
        city.integrate()
