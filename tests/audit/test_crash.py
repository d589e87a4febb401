"""Processes that are killed and disks that fail: nothing acknowledged is lost, doubled or reordered."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from audit.errors import AuditUnavailable
from audit.event import decode
from audit.record import decode as decode_record
from audit.record import join
from audit.segment import segments, whole
from audit.tiles import Tiles
from tests.audit.city import KEY, ORIGIN, City, append, event
from tests.bounds import line_in_time

ROOT = Path(__file__).parents[2]
Needs = Callable[[bool, str], None]


def command(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"tests.audit.{module}", *map(str, arguments)]


def logged(city: City) -> list[str]:
    tiles = Tiles(city.log)
    size = tiles.checkpoint(KEY.public, ORIGIN).size
    events = (decode(decode_record(data).event) for _, data in tiles.records(0, size))
    return [one.id for one in events if not one.id.startswith("spool:")]


def run_and_kill(city: City, prefix: str, seconds: float) -> list[str]:
    """Start a writer, kill it after its first answers, and return what it was acknowledged."""
    writer = subprocess.Popen(command("writer", city.spools / "city", prefix), stdout=subprocess.PIPE, cwd=ROOT)
    assert writer.stdout
    first = line_in_time(writer)
    time.sleep(seconds)
    writer.send_signal(signal.SIGKILL)
    lines = (first + writer.stdout.read()).decode().splitlines(keepends=True)
    writer.wait(30)
    writer.stdout.close()
    return [line.strip() for line in lines if line.endswith("\n")]


def drop_unsynced(city: City, acknowledged: Sequence[str], chance: random.Random) -> None:
    """What a power failure does: the file keeps what was acknowledged and an arbitrary part of what was not."""
    last = segments(city.spools / "city")[-1]
    read = whole(last.read_bytes())
    ids = [decode(record.event).id for record in read.records]
    kept = max((at + 1 for at, one in enumerate(ids) if one in set(acknowledged)), default=1)
    covered = len(join(read.stored[:kept]))
    os.truncate(last, chance.randint(covered, last.stat().st_size))


def in_order(ids: Sequence[str]) -> bool:
    callers: dict[str, list[str]] = {}
    for one in ids:
        callers.setdefault(one.rsplit("-", 1)[0], []).append(one)
    return all(mine == sorted(mine) for mine in callers.values())


def test_a_writer_killed_at_any_moment_loses_nothing_that_was_acknowledged(city: City) -> None:
    chance, acknowledged = random.Random(1), []
    for life in range(20):
        mine = run_and_kill(city, f"life{life}", chance.uniform(0, 0.03))
        acknowledged += mine
        if life % 2:
            drop_unsynced(city, mine, chance)
        if life % 3 == 0:
            city.integrate()
    city.write(event(id="end-0-0"))
    city.integrate()
    found = logged(city)
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))
    assert in_order(found)
    assert city.verify().findings == ()


@pytest.fixture
def strace(needs: Needs) -> Callable[..., list[str]]:
    path = shutil.which("strace")
    works = (
        path
        and subprocess.run(
            [path, "-qq", "-o/dev/null", "true"], check=False, capture_output=True, timeout=120
        ).returncode
        == 0
    )
    needs(bool(works), "strace is missing or may not trace")
    return lambda *inject: [str(path), "-f", "-qq", "-o/dev/null", *(f"--inject={one}" for one in inject)]


@pytest.mark.parametrize(
    ("call", "number"),
    [
        *(("fsync", number) for number in (1, 3, 5, 6, 8, 11, 14, 15, 16)),
        *(("rename", number) for number in range(1, 8)),
        *(("unlink", number) for number in range(1, 4)),
    ],
)
def test_a_sequencer_killed_between_its_steps_neither_loses_nor_doubles(
    city: City, strace: Callable[..., list[str]], call: str, number: int
) -> None:
    """A pass that fills a tile: two bundles, three tiles, checkpoint, notes; two partial tiles and a segment go."""
    ids = [f"life{life}-{number:05d}" for life in range(2) for number in range(200)]
    city.write(*(event(id=one) for one in ids[:200]))
    city.integrate()
    city.write(*(event(id=one) for one in ids[200:]))
    killed = subprocess.run(
        [*strace(f"{call}:signal=KILL:when={number}"), *command("integrator", city.root)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    city.integrate()
    assert logged(city) == ids
    assert city.verify().findings == ()


@pytest.mark.parametrize(
    "inject",
    [
        ("fdatasync:error=EIO:when=3",),
        ("fdatasync:error=EIO:when=2+3",),
        ("pwrite64,write:error=ENOSPC:when=9..12",),
        ("write:error=EIO:when=7",),
        ("fdatasync:error=EIO:when=3", "fsync:error=EIO:when=3..5"),
    ],
    ids=" ".join,
)
def test_a_failing_disk_refuses_and_a_new_segment_takes_over(
    city: City, strace: Callable[..., list[str]], inject: tuple[str, ...]
) -> None:
    city.write(event(id="before-0"))
    done = subprocess.run(
        [*strace(*inject), *command("writer", city.spools / "city", "disk", 20)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    refused, *taken = done.stdout.split()
    assert int(refused) >= 1
    assert len(segments(city.spools / "city")) >= 3
    city.integrate()
    found = logged(city)
    assert [one for one in found if one in taken] == taken
    assert len(found) == len(set(found))
    assert city.verify().findings == ()


@pytest.fixture
def small_disk(tmp_path: Path, needs: Needs) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    mounted = (
        os.geteuid() == 0 and subprocess.run(options, check=False, capture_output=True, timeout=120).returncode == 0
    )
    needs(mounted, "mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True, timeout=120)


def test_a_full_disk_refuses_and_opens_again_by_itself(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(150_000))
    city, taken = City(small_disk), []
    spool = city.spool(retry_seconds=0.05)
    for number in range(2000):
        try:
            append(spool, event(number), synced=True)
        except AuditUnavailable:
            break
        taken.append(event(number).id)
    assert 0 < len(taken) < 2000
    filler.unlink()
    for _ in range(200):
        try:
            append(spool, event(9000), synced=True)
            break
        except AuditUnavailable:
            time.sleep(0.02)
    spool.close()
    city.integrate()
    found = logged(city)
    assert [one for one in found if one in taken] == taken
    assert found[-1] == event(9000).id
    assert city.verify().findings == ()
