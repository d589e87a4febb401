"""A restore that is killed, or that two begin at once: nothing half starts, and what comes back is whole."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from backup.restore import restore as bring_back
from city import backups as recovery
from city.clock import clock
from city.settings import Settings
from tests.founded_city import open_founded_city
from tests.journeys.running_city import ROOT, command
from tests.journeys.test_restore import beside, keep_keys, restore

_KILLED = """
import os, signal, sys, click
step, *arguments = sys.argv[1:]
click.echo = lambda text, **_: os.kill(os.getpid(), signal.SIGKILL) if step in text else None
from commands.main import cli
cli(arguments)
"""


@pytest.fixture(scope="module")
def backed(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A city with one whole backup, and the copy of its keys that was kept."""
    lost = tmp_path_factory.mktemp("restores") / "lost"
    with open_founded_city(founded, lost) as door:
        assert door.work("backup")["status"] == "whole"
    keep_keys(lost, lost.with_name("kept"))
    return lost, lost.with_name("kept")


def killed_at(step: str, lost: Path, kept: Path, into: Path) -> int:
    """The exit status of a restore that kills itself when it says that this step begins."""
    line = [
        sys.executable, "-c", _KILLED, step, "restore", f"--from={beside(lost, 'repository')}",
        f"--outside={beside(lost, 'outside')}", f"--backup-keys={beside(lost, 'keys')}", f"--keys={kept}",
        f"--into={into}",
    ]  # fmt: skip
    return subprocess.run(line, cwd=ROOT, capture_output=True, check=False, timeout=60).returncode


def test_killed_at_any_step_no_half_city_starts_and_the_next_restore_is_whole(
    backed: tuple[Path, Path], tmp_path: Path
) -> None:
    """fault: kill -9 of `restore` — the new folder is not there and what is left starts no city; run again, it is whole and its log intact."""
    lost, kept = backed
    new, left = tmp_path / "new", tmp_path / "new.restoring"
    for step in ("restore", "database", "whole"):
        assert killed_at(step, lost, kept, new) == -signal.SIGKILL, step
        assert (new.exists(), left.exists()) == (False, step != "restore"), step
    started = command(
        "up", "--json", data=left
    )  # with all that came back, and checked: nothing starts before it is named
    assert (started.returncode, "is no city" in started.stderr) == (2, True), started.stderr
    back = restore(lost, kept, new)
    assert back.returncode == 0, back.stderr
    assert not left.exists()
    (checkpoint,) = beside(lost, "outside").glob("*.checkpoint")
    proven = json.loads(command("audit", "verify", "--pinned", str(checkpoint), "--json", data=new).stdout)
    assert (proven["status"], proven["records"]) == ("intact", int(checkpoint.read_text().split("\n")[1]))


def test_two_at_once_into_one_folder_make_one_city(backed: tuple[Path, Path], tmp_path: Path) -> None:
    lost, kept = backed
    places = {f"backup_{name}": beside(lost, name) for name in ("repository", "outside", "keys")}
    settings = replace(Settings(data=tmp_path / "new"), **places)

    def one(_: int) -> str:
        try:
            return bring_back(
                "", settings.data, repository=recovery.repository(settings),
                engines=recovery.engines(settings, recovery.kept_key),
                signer=recovery.signing_key(settings, recovery.kept_key).public,
                kept=recovery.kept_keys(kept, clock=clock), report_step=lambda _: None,
            ).id  # fmt: skip
        except FileExistsError:
            return ""

    with ThreadPoolExecutor(2) as threads:
        assert sorted(bool(made) for made in threads.map(one, range(2))) == [False, True]
    assert (settings.data / "demo-people.json").exists()
    assert list(tmp_path.iterdir()) == [settings.data]
