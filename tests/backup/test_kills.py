"""A city that is killed in the middle of a backup or a drill, and a repository that is full."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.founded_city import open_founded_city
from tests.journeys.running_city import City, running
from tests.needs import need

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
TRIES = 20
CANARY = b"canary-of-a-restored-row"


@pytest.fixture(scope="module")
def city(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A running city whose database takes a while to copy."""
    data = tmp_path_factory.mktemp("kills") / "city"
    shutil.copytree(founded, data)
    with closing(sqlite3.connect(data / "city.db")) as connection:
        connection.execute("CREATE TABLE bulk (text BLOB)")
        connection.executemany("INSERT INTO bulk VALUES (?)", ((CANARY + os.urandom(1 << 20),) for _ in range(96)))
        connection.commit()
    with running(data) as ready:
        yield ready


def folder(city: City, name: str) -> Path:
    return city.data.with_name(f"{city.data.name}-backup-{name}")


def begin(city: City, kind: str) -> str:
    status, told = city.ask("zhou", "POST", f"/api/v1/{kind}s")
    assert status == 202, told
    return str(told["id"])


def kill_once(city: City, seen: Callable[[], bool], over: Callable[[], bool]) -> bool:
    """The city process, as soon as what is to be `seen` is there; the supervisor starts another. False: `over` before."""
    told = ["pgrep", "-P", str(city.process.pid), "-f", "city.processes city"]
    pid = int(subprocess.run(told, capture_output=True, text=True, check=True, timeout=120).stdout)
    until = time.monotonic() + 30
    while not seen():
        if over():
            return False
        assert time.monotonic() < until
    os.kill(pid, signal.SIGKILL)
    for _ in range(300):
        time.sleep(0.1)
        try:
            if city.ask("zhou", "GET", "/api/v1/backups")[0] == 200:
                return True
        except (OSError, ValueError):
            continue
    pytest.fail("the city did not come back")


def done(city: City, kind: str, identifier: str) -> dict[str, object]:
    for _ in range(600):
        _, told = city.ask("zhou", "GET", f"/api/v1/{kind}s/{identifier}")
        if told["status"] != "running":
            return dict(told)
        time.sleep(0.1)
    pytest.fail("it did not end")


def whole(city: City) -> list[str]:
    """What the repository shows."""
    names = [path.name for path in folder(city, "repository").iterdir() if path.is_dir()]
    assert all((folder(city, "repository") / name / "manifest").exists() for name in names if _ID.fullmatch(name))
    return [name for name in names if _ID.fullmatch(name)]


@pytest.mark.parametrize("part", ["", "/city.db.sealed", "/audit.sealed"])
def test_killed_in_the_middle_no_half_backup_is_shown_and_the_next_is_whole(city: City, part: str) -> None:
    """fault: kill -9 of the city while a backup is made (at its beginning, in the database, in the log) — no half backup is shown, it is told as interrupted, the next is whole and a drill of it passes."""
    repository = folder(city, "repository")
    for _ in range(TRIES):  # the moment is short
        before = set(whole(city)) if repository.is_dir() else set()
        identifier = begin(city, "backup")
        partial, shown_as = f"{repository}/.{identifier}.partial{part}", f"{repository}/{identifier}"
        if kill_once(city, lambda: os.path.exists(partial), lambda: os.path.exists(shown_as)):  # noqa: B023
            break
        assert done(city, "backup", identifier)["status"] == "whole"
    else:
        pytest.fail("it was never met in the middle")
    told = done(city, "backup", identifier)
    shown = set(whole(city))
    assert shown - before <= {identifier}
    assert (told["status"] == "whole") == (identifier in shown)
    assert told["status"] == "whole" or told["why"] == "interrupted"
    assert not [path for path in city.data.iterdir() if path.name.startswith(".snapshot")]
    following = begin(city, "backup")
    assert done(city, "backup", following)["status"] == "whole"
    assert not list(folder(city, "repository").glob(".*.partial"))
    passed = done(city, "drill", begin(city, "drill"))
    assert (passed["status"], passed["backup"]) == ("passed", following), passed


def test_killed_in_the_middle_of_a_drill_nothing_in_the_clear_stays(city: City) -> None:
    """fault: kill -9 of the city while a drill restores — what it restored is removed before the next start answers; the next drill passes."""
    begin(city, "drill")
    assert kill_once(city, lambda: any(folder(city, "scratch").glob("drill-*/city.db")), lambda: False)
    assert list(folder(city, "scratch").iterdir()) == []  # the new process cleared it before it answered
    passed = done(city, "drill", begin(city, "drill"))
    assert passed["status"] == "passed", passed


def test_one_at_a_time(city: City) -> None:
    identifier = begin(city, "backup")
    status, told = city.ask("zhou", "POST", "/api/v1/drills")
    assert (status, told["code"]) == (409, "backup-busy")
    assert done(city, "backup", identifier)["status"] == "whole"


@contextmanager
def small(place: Path, kilobytes: int) -> Iterator[None]:
    """A disk of its own with so much room."""
    need("mount", root=True)
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)], check=True, timeout=120)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=120)


def test_a_full_repository_is_said_and_older_backups_stay_whole(founded: Path, tmp_path: Path) -> None:
    """fault: the repository's disk is full — the backup fails and says so, nothing half is left, the older ones are whole and a drill of the newest passes."""
    with small(tmp_path / "city-backup-repository", 600), open_founded_city(founded, tmp_path / "city") as door:
        made = []
        while (told := door.work("backup"))["status"] == "whole":
            made.append(told["id"])
            assert len(made) < 10
        assert made
        assert told["status"] == "failed"
        assert "no room in" in told["why"]
        assert sorted(path.name for path in (tmp_path / "city-backup-repository").iterdir()) == [*made, "lock"]
        passed = door.work("drill")
        assert (passed["status"], passed["backup"]) == ("passed", made[-1]), passed
