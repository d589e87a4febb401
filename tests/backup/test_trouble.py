"""A backup disk or key in trouble: people sign in and work all the same, and the next backup or drill says what it is."""

import json
import shutil
from pathlib import Path

import pytest

from backup import throwaway
from backup.errors import EngineFailed
from tests.founded_city import open_founded_city
from tests.journeys.running_city import City, running


@pytest.fixture(scope="module")
def backed(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city with a whole backup, and what a killed drill left of it; nothing runs."""
    data = tmp_path_factory.mktemp("trouble") / "city"
    with open_founded_city(founded, data) as door:
        assert door.work("backup")["status"] == "whole"
    left = data.with_name("city-backup-scratch") / "drill-x"
    left.mkdir(parents=True)
    (left / "city.db").write_text("in the clear")
    return data.parent


def fails(city: City, kind: str, reason: str) -> None:
    done = city.command("backup", kind, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["failing"]) == (1, "failed", "preparation"), told
    assert reason in told["why"]


@pytest.mark.parametrize("trouble", ["a key open to others", "the disk away", "a link among the restored"])
def test_the_city_starts_and_the_next_backup_or_drill_tells(backed: Path, tmp_path: Path, trouble: str) -> None:
    """fault: at a start a backup key is open to others, the repository's disk is away, or a link lies where drills restore to — the city opens; the next backup or drill fails and says which; with a bad key, what a killed drill restored is removed all the same."""
    place = shutil.copytree(backed, tmp_path / "place")
    repository, keys, scratch = (place / f"city-backup-{name}" for name in ("repository", "keys", "scratch"))
    if trouble == "a key open to others":
        (keys / "wrap.key").chmod(0o644)
        (keys / "sign.key").chmod(0o644)
        with running(place / "city") as city:
            assert list(scratch.iterdir()) == []
            for kind in ("run", "drill"):
                fails(city, kind, "`wrap.key` is open to others: run chmod 600")
    elif trouble == "the disk away":
        repository.rename(tmp_path / "unplugged")
        repository.symlink_to(tmp_path / "away")
        with running(place / "city") as city:
            for kind in ("run", "drill"):
                fails(city, kind, f"No such file or directory: '{repository}'")
    else:
        (place / "others").mkdir()
        (place / "others/file").touch()
        (scratch / "drill-y").symlink_to(place / "others")
        with running(place / "city") as city:
            assert [path.name for path in scratch.iterdir()] == ["drill-y"]
            fails(city, "drill", f"`{scratch / 'drill-y'}` is a link")
        assert (place / "others/file").exists()


def test_a_server_left_by_a_drill_that_does_not_stop_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left/postmaster.pid").write_text("1\n" * 5)
    (tmp_path / "pg_ctl").write_text("#!/bin/sh\nsleep 60\n")
    (tmp_path / "pg_ctl").chmod(0o700)
    monkeypatch.setattr(throwaway, "_programs", lambda: tmp_path)
    monkeypatch.setattr(throwaway, "_STOP_SECONDS", 0.2)
    with pytest.raises(EngineFailed, match=r"left` does not stop"):
        throwaway.stop_below(tmp_path, "root")
