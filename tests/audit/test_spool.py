"""The spool: what an answer promises, and when it is refused."""

import asyncio
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import pytest

from audit.errors import AuditUnavailable
from audit.event import Event, decode
from audit.record import decode as decode_record
from audit.record import join
from audit.segment import segments, whole
from audit.spool import Spool
from tests.audit.city import NOW, City, append, event


def stored(directory: Path) -> list[Event]:
    return [decode(record.event) for path in segments(directory) for record in whole(path.read_bytes()).records]


def ids(events: Sequence[Event]) -> list[str]:
    return [one.id for one in events if not one.id.startswith("spool:")]


async def test_when_append_returns_the_record_is_in_the_file(city: City) -> None:
    spool = city.spool()
    for number, synced in enumerate((True, False, True)):
        await spool.append(event(number), synced=synced)
        assert ids(stored(city.spools / "city"))[-1] == event(number).id


async def test_many_callers_share_few_syncs_and_each_keeps_its_order(city: City) -> None:
    spool = city.spool()

    async def caller(number: int) -> None:
        for turn in range(20):
            await spool.append(event(number * 100 + turn), synced=turn % 2 == 0)

    await asyncio.gather(*(caller(number) for number in range(50)))
    found = ids(stored(city.spools / "city"))
    assert len(found) == 1000
    for number in range(50):
        mine = [one for one in found if int(one[-6:]) // 100 == number]
        assert mine == sorted(mine)


async def test_a_caller_that_gives_up_disturbs_nobody(city: City) -> None:
    spool = city.spool()
    tasks = [asyncio.create_task(spool.append(event(number), synced=True)) for number in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result for at, result in enumerate(results) if at != 3] == [None] * 19


def test_a_new_process_continues_number_and_chain_and_says_what_it_found(city: City) -> None:
    city.write(event(1), event(2))
    spool = city.spool()
    opening = stored(city.spools / "city")[-1]
    assert (spool.found.head.next, opening.detail["last"], opening.detail["why"]) == (3, 2, "start")
    assert opening.detail["chain"] == spool.found.head.chain.hex()
    assert opening.detail["segment"] == f"{0:020d}"


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_a_torn_tail_is_cut_and_reported(city: City, cut: int) -> None:
    city.write(event(1), event(2))
    (segment,) = segments(city.spools / "city")
    last = len(join([whole(segment.read_bytes()).stored[-1]]))
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size - cut)
    spool = city.spool()
    assert (spool.found.head.next, spool.found.cut_bytes, spool.found.lost) == (2, last - cut, 0)
    assert stored(city.spools / "city")[-1].detail["cut_bytes"] == last - cut


def test_a_last_record_of_the_right_length_and_the_wrong_bytes_is_a_torn_tail_too(city: City) -> None:
    city.write(event(1), event(2))
    (segment,) = segments(city.spools / "city")
    data = segment.read_bytes()
    segment.write_bytes(data[:-100] + bytes(100))
    assert (city.spool().found.head.next, ids(stored(city.spools / "city"))) == (2, [event(1).id])


def test_records_behind_a_break_are_reported_as_lost(city: City) -> None:
    city.write(*(event(number) for number in range(10)))
    (segment,) = segments(city.spools / "city")
    data = bytearray(segment.read_bytes())
    data[len(join(whole(bytes(data)).stored[:6]))] ^= 1  # the length of the seventh
    segment.write_bytes(data)
    assert city.spool().found.lost >= 4


def test_a_segment_without_a_record_is_set_aside_not_overwritten(city: City) -> None:
    city.write(event(1))
    (segment,) = segments(city.spools / "city")
    segment.write_bytes(b"nonsense")
    city.spool()
    assert segment.with_suffix(".damaged").read_bytes() == b"nonsense"


def test_one_directory_has_one_spool(city: City) -> None:
    city.spool()
    with pytest.raises(AuditUnavailable):
        city.spool()


def test_after_close_nothing_is_taken(city: City) -> None:
    spool = city.spool()
    append(spool, event(1))
    spool.close()
    with pytest.raises(AuditUnavailable):
        append(spool, event(2))
    spool.close()


def test_a_full_spool_refuses_keeps_a_reserve_and_opens_again_once_sequenced(city: City) -> None:
    spool = city.spool(limit_bytes=64 * 1024)
    written = fill(spool, reserved=False)
    append(spool, event(9001), synced=True, reserved=True)
    reserve = fill(spool, reserved=True)
    assert written > 9 * reserve * 0.8 > 0
    assert sum(path.stat().st_size for path in segments(city.spools / "city")) < 66 * 1024
    city.integrate()
    wait_until_taken(spool)
    assert len(segments(city.spools / "city")) <= 3


def fill(spool: Spool, *, reserved: bool) -> int:
    for number in range(1000):
        try:
            append(spool, event(number), reserved=reserved)
        except AuditUnavailable:
            return number
    raise AssertionError("never full")


def wait_until_taken(spool: Spool) -> None:
    for _ in range(500):
        try:
            return append(spool, event(9002), synced=True)
        except AuditUnavailable:
            multiprocessing.Event().wait(0.01)
    raise AssertionError("never taken")


def test_a_place_that_cannot_be_written_refuses_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AuditUnavailable):
        Spool(tmp_path / "file" / "spool", clock=lambda: NOW)


def test_every_record_is_chained_across_segments(city: City) -> None:
    for life in range(3):
        city.write(event(life))
    paths = segments(city.spools / "city")
    head = None
    for record in (one for path in paths for one in whole(path.read_bytes()).stored):
        one = decode_record(record)
        assert head is None or one.follows(head)
        head = one.head
    assert len(paths) == 3
