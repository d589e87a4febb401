"""What opens and signs backups: kept, made once, and asked for where it is gone or open to others."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from city import backups as recovery
from city.settings import Settings
from crypto.errors import KeyFileUnsafe
from crypto.local_keys import create
from tests.founded_city import CityDoor, open_founded_city


@pytest.fixture(scope="module")
def backed(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    """A city with a whole backup."""
    with open_founded_city(founded, tmp_path_factory.mktemp("keys") / "city") as door:
        assert door.work("backup")["status"] == "whole"
        yield door


@contextmanager
def spoilt(door: CityDoor, name: str) -> Iterator[Path]:
    """A backup key, to be spoilt; afterwards it is as it was, and a drill with it passes."""
    key = door.city.settings.backup("keys") / name
    kept = shutil.copy2(key, key.with_name("kept"))
    yield key
    kept.replace(key)
    assert door.work("drill")["status"] == "passed"


def fails(door: CityDoor, reason: str) -> None:
    for kind in ("backup", "drill"):
        told = door.work(kind)
        assert (told["status"], told["failing"]) == ("failed", "preparation"), told
        assert reason in told["why"]


@pytest.mark.parametrize("name", ["wrap.key", "sign.key"])
def test_a_key_that_others_read_is_told_with_the_step_and_what_to_do(backed: CityDoor, name: str) -> None:
    with spoilt(backed, name) as key:
        key.chmod(0o644)
        fails(backed, f"`{name}` is open to others: run chmod 600")


@pytest.mark.parametrize("name", ["wrap.key", "sign.key"])
def test_a_lost_key_is_asked_for_and_no_other_is_made(backed: CityDoor, name: str) -> None:
    """fault: a backup key is gone after something was backed up — backups and drills fail, say which and what to do, and make no other; put back, a drill passes."""
    with spoilt(backed, name) as key:
        key.unlink()
        fails(backed, f"`{key}` is gone: put it back")
        assert not key.exists()


@pytest.mark.parametrize("left", ["repository", "outside"])
def test_where_either_folder_holds_something_no_password_of_restic_is_made(
    backed: CityDoor, tmp_path: Path, left: str
) -> None:
    settings = elsewhere(backed, tmp_path)
    shutil.copytree(backed.city.settings.backup(left), tmp_path / left)
    (tmp_path / "keys").mkdir()
    create(tmp_path / "keys/wrap.key")
    with pytest.raises(KeyFileUnsafe, match=r"restic\.password` is gone: put it back"):
        recovery.engines(settings, recovery.first_or_kept(settings))
    shutil.rmtree(tmp_path / left)
    recovery.engines(settings, recovery.first_or_kept(settings))
    assert (tmp_path / "keys/restic.password").exists()


def test_where_a_disk_is_away_no_key_is_made(backed: CityDoor, tmp_path: Path) -> None:
    settings = elsewhere(backed, tmp_path)
    for name in ("repository", "outside"):
        (tmp_path / name).symlink_to(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        recovery.runner(
            settings, backed.city.stores.database, backed.city.records.log, backed.city.keys.seal, clock=lambda: None
        )
    assert not (tmp_path / "keys").exists()


def elsewhere(door: CityDoor, place: Path) -> Settings:
    """The city, told to back up into other folders."""
    folders = {f"backup_{name}": place / name for name in ("repository", "outside", "keys", "restic")}
    return replace(door.city.settings, **folders)
