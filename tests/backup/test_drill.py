"""Drills of a real city: what comes back passes, and whatever is wrong is red, with the step and the reason."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.local_keys import create
from crypto.platform import CITY, PLATFORM
from tests.acts import an_act
from tests.founded_city import CityDoor, open_founded_city


@pytest.fixture(scope="module")
def backed(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    """A city with two whole backups, of which each test breaks a copy."""
    with open_founded_city(founded, tmp_path_factory.mktemp("drills") / "city") as door:
        for _ in range(2):
            made = door.work("backup")
            assert made["status"] == "whole", made
        yield door


def place(door: CityDoor, name: str) -> Path:
    return door.city.settings.backup(name)


@contextmanager
def broken(door: CityDoor) -> Iterator[Path]:
    """The newest backup's folder, to be spoilt; afterwards all is as it was."""
    names = ("repository", "outside", "keys")
    kept = place(door, "repository").with_name("kept")
    for name in names:
        shutil.copytree(place(door, name), kept / name)
    seal = door.city.settings.data / "keys/kek.key"
    saved = seal.read_bytes()
    try:
        yield max(path for path in place(door, "repository").iterdir() if path.is_dir())
    finally:
        seal.write_bytes(saved)
        for name in names:
            shutil.rmtree(place(door, name))
            shutil.copytree(kept / name, place(door, name))
        shutil.rmtree(kept)


def red(door: CityDoor, step: str, reason: str) -> dict[str, object]:
    told = door.work("drill")
    assert (told["status"], told["failing"]) == ("failed", step), told
    assert reason in told["why"], told
    nothing_left(door)
    return told


def nothing_left(door: CityDoor) -> None:
    scratch = place(door, "scratch")
    assert not scratch.exists() or list(scratch.iterdir()) == []


def flip(path: Path, at: int = -100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def test_a_drill_restores_the_newest_and_measures(backed: CityDoor) -> None:
    told = backed.work("drill")
    assert told["status"] == "passed", told
    assert told["backup"] == backed.ask("GET", "/api/v1/backups", "zhou").json["items"][0]["id"]
    assert told["records"] > 0
    assert told["rows"] > 50
    assert 0 < told["rto_seconds"] < told["rto_target_seconds"]
    assert 0 <= told["rpo_seconds"] < told["rpo_target_seconds"]
    nothing_left(backed)


def test_what_cannot_be_cleared_up_is_red_in_a_step_of_its_own(
    backed: CityDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = place(backed, "scratch") / "drill-link"

    def linked(*_: object) -> None:
        if not link.is_symlink():
            link.symlink_to("/nowhere")

    monkeypatch.setattr("backup.drill._within", linked)  # while the last two steps hold
    told = backed.work("drill")
    link.unlink()
    assert (told["status"], told["failing"]) == ("failed", "clearing"), told
    assert str(link) in told["why"]
    nothing_left(backed)


_PARTS = ["city.db.sealed", "issuer-accounts.db.sealed", "audit.sealed", "configuration.sealed"]


@pytest.mark.parametrize("part", _PARTS)
@pytest.mark.parametrize("how", ["flip", "cut", "missing"])
def test_a_part_that_was_touched_is_named(backed: CityDoor, part: str, how: str) -> None:
    with broken(backed) as folder:
        path = folder / part
        if how == "flip":
            flip(path)
        elif how == "cut":
            path.write_bytes(path.read_bytes()[:-20])
        else:
            path.unlink()
        red(backed, "restore", part)


@pytest.mark.parametrize("part", ["city.db.sealed", "audit.sealed"])
def test_the_same_part_of_an_older_backup_is_not_taken_for_it(backed: CityDoor, part: str) -> None:
    with broken(backed) as folder:
        older = min(one for one in folder.parent.iterdir() if one.is_dir())
        shutil.copy(older / part, folder / part)
        red(backed, "restore", part)


@pytest.mark.parametrize(
    ("name", "step", "reason"),
    [
        ("wrap.key", "restore", "does not open"),
        ("sign.key", "manifest", "not signed by the backup key"),
    ],
)
def test_another_backup_key_is_red(backed: CityDoor, name: str, step: str, reason: str) -> None:
    with broken(backed):
        key = place(backed, "keys") / name
        key.unlink()
        create(key)
        red(backed, step, reason)


def test_a_lost_key_of_the_city_is_red_and_named(backed: CityDoor) -> None:
    with broken(backed):
        (backed.city.settings.data / "keys/kek.key").write_bytes(b"w" * 32)
        red(backed, "keys", "another key: keys/kek.key")


def test_a_platform_key_that_does_not_open_the_canary_is_red(backed: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    from crypto.aead import Seal

    work, was = backed.city.rooms.backups, backed.city.rooms.backups._driller
    from dataclasses import replace

    monkeypatch.setattr(work, "_driller", lambda: replace(was(), platform=lambda _restored: Seal(b"w" * 32)))
    red(backed, "canary", "the canary does not open")


def test_key_rows_that_the_key_file_does_not_open_are_red(backed: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The running city's key opens the canary all the while; what came back does not."""
    changed_after_restore(monkeypatch, "UPDATE key_version SET material = zeroblob(length(material))")
    red(backed, "canary", "the key is damaged")


def test_a_backup_from_before_a_retirement_still_passes(founded: Path, tmp_path: Path) -> None:
    """The version that sealed its canary is destroyed in the city, and is in the backup."""
    with open_founded_city(founded, tmp_path / "city") as door:
        assert door.work("backup")["status"] == "whole"
        keyring, act = door.city.keys.keyring, an_act(record=door.city.settings.name)
        key = keyring.key(CITY, PLATFORM)
        rotated, _ = keyring.rotate(key, act, effective=door.city.deciding.effective)
        keyring.retire(key.id, key.active.number, act)
        door.city.keys.seal.reload()
        assert (rotated.active.number, len(door.city.keys.seal.ring.opening)) == (2, 1)
        told = door.work("drill")
        assert told["status"] == "passed", told


@pytest.mark.parametrize("how", ["missing", "other", "garbage"])
def test_the_checkpoint_that_counts_is_the_one_outside(backed: CityDoor, how: str) -> None:
    with broken(backed) as folder:
        outside = place(backed, "outside") / f"{folder.name}.checkpoint"
        if how == "missing":
            outside.unlink()
            red(backed, "manifest", "no checkpoint")
        elif how == "other":
            older = min(outside.parent.iterdir())
            shutil.copy(older, outside)
            red(backed, "log", "kept outside")
        else:
            outside.write_text("not a checkpoint\n")
            red(backed, "manifest", "kept outside")


def test_the_newest_backup_taken_away_is_not_forgotten(backed: CityDoor) -> None:
    with broken(backed) as folder:
        shutil.rmtree(folder)
        red(backed, "manifest", folder.name)


def test_the_newest_backup_hidden_as_if_half_made_is_missed_and_kept(backed: CityDoor) -> None:
    """fault: somebody renames the newest backup to what a half-made one is called — the drill is red and names it; it and its checkpoint outside stay, and renamed back it passes."""
    with broken(backed) as folder:
        hidden = folder.rename(folder.with_name(f".{folder.name}.partial"))
        red(backed, "manifest", f"there is no backup `{folder.name}`")
        assert (place(backed, "outside") / f"{folder.name}.checkpoint").exists()
        hidden.rename(folder)
        told = backed.work("drill")
        assert (told["status"], told["backup"]) == ("passed", folder.name), told


def test_an_older_backup_in_the_place_of_the_newest_is_red(backed: CityDoor) -> None:
    with broken(backed) as folder:
        older = min(path for path in folder.parent.iterdir() if path.is_dir())
        shutil.rmtree(folder)
        shutil.copytree(older, folder)
        red(backed, "manifest", older.name)


def test_a_backup_older_than_the_promise_is_red(backed: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    work, was = backed.city.rooms.backups, backed.city.rooms.backups._driller
    later = lambda: was().clock() + timedelta(days=2)  # noqa: E731
    monkeypatch.setattr(work, "_driller", lambda: replace(was(), clock=later))
    told = red(backed, "rpo", "RPO measured")
    assert told["rpo_seconds"] > told["rpo_target_seconds"]  # type: ignore[operator]


def test_a_row_that_came_or_went_is_red(backed: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    changed_after_restore(monkeypatch, "DELETE FROM rule")
    red(backed, "database", "rule")


def changed_after_restore(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    """The copy is changed after it was restored, as by a restore that loses or spoils rows."""
    from backup.sqlite import SqliteEngine

    was = SqliteEngine.restore

    def spoiling(self: SqliteEngine, part, folder: Path, into: Path) -> None:
        was(self, part, folder, into)
        if part.name == "city.db":
            with sqlite3.connect(into / part.name) as connection:
                connection.execute(statement)
            connection.close()

    monkeypatch.setattr(SqliteEngine, "restore", spoiling)


def test_after_a_failed_drill_no_restore_is_verified_and_after_a_good_one_it_is(backed: CityDoor) -> None:
    assert backed.work("drill")["status"] == "passed"
    state = lambda: backed.ask("GET", "/api/v1/drills", "chen").json["restore"]  # noqa: E731
    assert state() == "valid"
    with broken(backed) as folder:
        flip(folder / "city.db.sealed")
        backed.work("drill")
    assert state() == "expired"
    page = backed.ask("GET", "/backups", cookie=backed.sign_in("zhou"), page=True)
    assert "过期" in page.text
    assert backed.work("drill")["status"] == "passed"
    assert state() == "valid"


def test_no_backup_is_no_success(founded: Path, tmp_path: Path) -> None:
    with open_founded_city(founded, tmp_path / "city") as door:
        assert door.ask("GET", "/api/v1/drills", "zhou").json["restore"] == "never"
        red(door, "manifest", "there is no backup yet")
        assert "从未" in door.ask("GET", "/backups", cookie=door.sign_in("zhou"), page=True).text
