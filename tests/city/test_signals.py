"""A city ends at SIGINT and at SIGTERM, also where a script started it with `&`: the shell made it ignore SIGINT."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from city.supervisor import BARE, Process, Supervisor, free_pair
from tests.faults.faults import alive
from tests.faults.visitor import eventually

ROOT = Path(__file__).parents[2]
ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def masks(pid: int) -> tuple[set[int], set[int]]:
    """Which of these signals a process ignores, and which it blocks."""
    lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    ignored, blocked = (int(lines[name], 16) for name in ("SigIgn", "SigBlk"))
    return tuple({one for one in ENDING if bits >> (one - 1) & 1} for bits in (ignored, blocked))  # type: ignore[return-value]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_city_that_a_script_started_beside_itself_is_stopped(tmp_path: Path, how: signal.Signals) -> None:
    place, told, trouble = tmp_path / "city", tmp_path / "told", tmp_path / "trouble"
    up = [sys.executable, "-m", "commands", "up", "--json", "--data", str(place), "--port", str(free_pair())]
    script = f"{shlex.join(up)} >{told} 2>{trouble} & echo $! >{tmp_path}/pid; wait $!; echo $? >{tmp_path}/status"
    shell = subprocess.Popen(["sh", "-c", script], cwd=ROOT)
    try:
        eventually(lambda: told.exists() and told.read_text().endswith("\n"), 60)
        pid, pids = int((tmp_path / "pid").read_text()), json.loads(told.read_text())["pids"].values()
        assert [masks(one) for one in pids] == [(set(), set())] * len(pids)
        assert masks(pid)[0] <= {signal.SIGQUIT}
        os.kill(pid, how)
        shell.wait(30)
        assert int((tmp_path / "status").read_text()) in (0, 130)
        assert trouble.read_text() == "citygate: stopped\n"
        assert not any(map(alive, (pid, *pids)))
    finally:
        if shell.poll() is None:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
            shell.wait(10)


def test_a_child_neither_ignores_nor_blocks_what_its_starter_does(tmp_path: Path) -> None:
    before = {one: signal.signal(one, signal.SIG_IGN) for one in ENDING}
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    supervisor = Supervisor(logs=tmp_path)
    sleeping = Process(
        name="sleep", command=["sleep", "60"], environment=BARE, folder=tmp_path, ready=lambda: True,
        stop_signal=signal.SIGINT,
    )  # fmt: skip
    try:
        supervisor.start([sleeping], within_seconds=10)
        assert masks(supervisor.pids()["sleep"]) == (set(), set())
        supervisor.stop()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        for one, handler in before.items():
            signal.signal(one, handler)
    assert sleeping.running
    assert sleeping.running.returncode == -signal.SIGINT, "it was asked, not killed"
