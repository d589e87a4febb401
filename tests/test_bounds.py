"""A test that waits for ever fails, and says where; the ones after it run."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.bounds import join_in_time, line_in_time, run_beside

ROOT = Path(__file__).parents[1]
CONFTEST = """
from tests import bounds
from tests.conftest import (
    pytest_configure, pytest_runtest_call, pytest_runtest_setup, pytest_runtest_teardown, pytest_unconfigure,
)

bounds.TEST_SECONDS, bounds.AGAIN_SECONDS, bounds.LAST_SECONDS = 1.0, 0.5, {last}
"""
HANGING = """
import asyncio, signal, threading, time
import pytest

def test_lock():
    threading.Event().wait()

def test_thread():
    thread = threading.Thread(target=time.sleep, args=(4,))
    thread.start()
    thread.join()

async def test_loop():
    await asyncio.Event().wait()

def test_swallowed():
    try:
        time.sleep(60)
    except BaseException:
        pass
    time.sleep(60)

@pytest.fixture
def never():
    time.sleep(60)

def test_fixture(never): ...

@pytest.fixture
def left():
    yield
    time.sleep(60)

def test_teardown(left): ...

def test_interrupt():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def run(folder: Path, text: str, *options: str, last: float = 60.0) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST.format(last=last))
    (folder / "test_it.py").write_text(text)
    line = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(ROOT),
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "-", *line, str(folder), *options]
    return subprocess.run(ignoring, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90)


@pytest.mark.parametrize("processes", [(), ("--numprocesses=2",)], ids=["one", "two"])
def test_what_waits_for_ever_fails_and_the_rest_runs(tmp_path: Path, processes: tuple[str, ...]) -> None:
    told = run(tmp_path, HANGING, *processes)
    assert "4 failed, 2 passed, 2 errors" in told.stdout, told.stdout
    assert told.stdout.count("the test did not end within 1.0 s") >= 6


def test_what_no_failure_ends_is_ended(tmp_path: Path) -> None:
    deaf = "import signal, time\ndef test_deaf():\n    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n    time.sleep(60)\n"
    told = run(tmp_path, deaf, "-s", last=1.0)
    assert told.returncode == 1
    assert "Timeout (0:00:02)!" in told.stderr
    assert "test_it.py" in told.stderr


def test_a_thread_that_is_left_keeps_no_run_from_its_end(tmp_path: Path) -> None:
    left = "import threading, time\ndef test_left():\n    threading.Thread(target=time.sleep, args=(60,)).start()\n"
    begun = time.monotonic()
    told = run(tmp_path, left, last=1.0)
    assert "1 passed" in told.stdout
    assert time.monotonic() - begun < 40


def test_a_thread_is_joined_in_time() -> None:
    go = threading.Event()
    thread = threading.Thread(target=go.wait, args=(30,), name="slow")
    thread.start()
    with pytest.raises(AssertionError, match="thread `slow` did not end"):
        join_in_time(thread, 0.1)
    go.set()
    join_in_time(thread)


def test_a_process_that_says_nothing_is_killed() -> None:
    said = pytest.raises(AssertionError, match=r"`\['sleep', '60'\]` printed no line")
    with run_beside(["sleep", "60"], stdout=subprocess.PIPE, text=True) as process, said:
        line_in_time(process, seconds=0.1)
    assert process.returncode == -signal.SIGKILL


def test_a_process_beside_a_block_does_not_outlive_it() -> None:
    with pytest.raises(subprocess.TimeoutExpired), run_beside(["sleep", "60"], seconds=0.1) as process:
        pass
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ZeroDivisionError), run_beside(["sleep", "60"]) as process:
        _ = 1 / 0
    assert process.returncode == -signal.SIGKILL
