"""A process killed between two steps of the repository: nothing half counts, and what was whole is not forgotten."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audit import durable
from backup.repository import Repository
from tests.journeys.running_city import ROOT

OLD, NEW = "01K00000000000000000000000", "01K00000000000000000000001"
_KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from backup.repository import Repository

folder, outside, step, old, new = sys.argv[1:]
repository = Repository(Path(folder), outside=Path(outside))
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

def make(backup, kill=lambda: None):
    with repository.alone(), repository.new_backup(backup) as place:
        (place / "manifest").write_text(backup)
        repository.keep_outside(backup, backup)
        kill()

make(old)
if step == "kept outside":
    make(new, die)
if step == "shown":
    repository._count = die
make(new)
if step == "let go":
    shutil.rmtree = die
repository.remove(old)
"""


@pytest.mark.parametrize(("step", "left"), [("kept outside", [OLD]), ("shown", [OLD, NEW]), ("let go", [NEW])])
def test_after_a_kill_what_is_shown_and_what_counts_outside_are_the_same(
    tmp_path: Path, step: str, left: list[str]
) -> None:
    folder, outside = tmp_path / "repository", tmp_path / "outside"
    line = [sys.executable, "-c", _KILLED, str(folder), str(outside), step, OLD, NEW]
    assert subprocess.run(line, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL
    repository = Repository(folder, outside=outside)
    assert repository.checkpoint_outside(repository.newest()) == left[-1], "a restore asks without clearing up"
    with repository.alone():
        assert (repository.ids(), repository.newest()) == (left, left[-1])
    assert sorted(path.name for path in folder.iterdir()) == [*left, "lock"]
    assert sorted(path.name for path in outside.iterdir()) == [f"{backup}.checkpoint" for backup in left]
    assert repository.checkpoint_outside(left[-1]) == left[-1]


def test_a_backup_moved_away_while_it_is_shown_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, outside = tmp_path / "repository", tmp_path / "outside"
    repository, sync = Repository(folder, outside=outside), durable.sync_folder

    def moved(path: Path) -> None:
        if path == folder:
            (folder / NEW).rename(tmp_path / "elsewhere")
        sync(path)

    with repository.alone(), repository.new_backup(NEW) as place:
        (place / "manifest").write_text(NEW)
        repository.keep_outside(NEW, NEW)
        monkeypatch.setattr(durable, "sync_folder", moved)
    monkeypatch.undo()
    with repository.alone():
        assert (repository.ids(), repository.newest(), repository.checkpoint_outside(NEW)) == ([], NEW, NEW)


def test_a_backup_shown_before_a_kill_counts_also_where_its_disk_is_away_then(tmp_path: Path) -> None:
    folder, outside = tmp_path / "repository", tmp_path / "outside"
    line = [sys.executable, "-c", _KILLED, str(folder), str(outside), "shown", OLD, NEW]
    assert subprocess.run(line, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL
    folder.rename(tmp_path / "disk")
    folder.mkdir()
    with Repository(folder, outside=outside).alone():
        pass
    shutil.rmtree(folder)
    (tmp_path / "disk").rename(folder)
    with Repository(folder, outside=outside).alone():
        assert Repository(folder, outside=outside).checkpoint_outside(NEW) == NEW
