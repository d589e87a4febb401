"""Waits that end: what does not come in time is killed by its number, and the test says what it waited for."""

import contextlib
import faulthandler
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any, NoReturn

import pytest

SECONDS = 30.0
TEST_SECONDS = 600.0  # of a test, of what it is the first to start (a stack takes minutes), and of what ends after it
AGAIN_SECONDS = 60.0  # what swallowed the failure is interrupted again
LAST_SECONDS = 240.0  # and then the process ends, with what each of its threads was at


def join_in_time(thread: threading.Thread, seconds: float = SECONDS) -> None:
    """Wait for a thread to end."""
    thread.join(seconds)
    assert not thread.is_alive(), f"thread `{thread.name}` did not end within {seconds} s"


def line_in_time(process: subprocess.Popen[Any], stream: IO[Any] | None = None, *, seconds: float = SECONDS) -> Any:
    """The next line that a process prints, to its standard output if nothing else is said; "" at its end."""
    late: list[bool] = []

    def give_up() -> None:
        late.append(True)
        process.kill()

    timer = threading.Timer(seconds, give_up)
    timer.start()
    try:
        line = (stream or process.stdout).readline()  # type: ignore[union-attr]
    finally:
        timer.cancel()
    assert not late, f"`{process.args}` printed no line within {seconds} s"
    return line


@contextlib.contextmanager
def run_beside(command: Sequence[str], *, seconds: float = SECONDS, **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process beside the block, which is to end within so many seconds after it; as `with Popen`, but with a bound."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
        for stream in (process.stdout, process.stderr, process.stdin):
            if stream:
                stream.close()
        process.wait(seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(seconds)


@contextlib.contextmanager
def end_in_time(seconds: float) -> Iterator[None]:
    """Fail what the block waits for when it did not end within so many seconds; end the process if that is no help."""

    def give_up(*_: object) -> NoReturn:
        pytest.fail(f"the test did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    faulthandler.dump_traceback_later(seconds + LAST_SECONDS, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def heed_interrupts() -> None:
    """Ctrl-C ends a run, and a process that it started, also where a shell that ran us with `&` made us ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
