"""The city on this machine that a command asks: where its data is, where it listens, whose access keys are kept there.

Where none is up, one is started for as long as the command takes: another process, which runs `up`.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from commands.output import EXIT_DENIED, EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_USAGE, fail
from commands.signals import heed_signals
from crypto.errors import CryptoError
from crypto.kept_key import kept_key

ROOT = Path(__file__).parents[1]
_ADDRESS, _LOCK = "run/port", "run/up.lock"  # `up` writes the one and holds the other
_PEOPLE = "demo-people.json"
_UP_SECONDS, _STOP_SECONDS, _KILL_SECONDS = 300.0, 60.0, 10.0
_LINE_BYTES = 1 << 16
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCity:
    """A city that is up on this machine."""

    data: Path
    port: int

    @property
    def console(self) -> str:
        """The host of its console, as the door knows it."""
        return f"console.{os.environ.get('CITYGATE_DOMAIN', 'localhost')}:{self.port}"

    def holder(self, office: str) -> str:
        """Return the login of the first person who was founded with this office, "" where nobody was."""
        try:
            people = json.loads((self.data / _PEOPLE).read_text())
        except OSError:
            fail(f"`{self.data}` is no city: `{_PEOPLE}` is missing", EXIT_USAGE)
        return next((str(one["login"]) for one in people if one["role"] == office), "")

    def access_key(self, login: str) -> str:
        """Return the access key that is kept here for `login`; end the command where none is."""
        try:
            return kept_key(self.data / "keys", login)
        except CryptoError:
            fail(f"no access key is kept here for `{login}`", EXIT_DENIED)


def data_folder(option: Path | None) -> Path:
    """Return where the city lives: the option, else CITYGATE_DATA, else `.citygate/demo`; end the command if that
    cannot be a folder.
    """
    given = os.environ.get("CITYGATE_DATA", ".citygate/demo")
    if option is None and not given:
        fail("CITYGATE_DATA: `` cannot be read", EXIT_USAGE)
    try:
        data = (option or Path(given)).resolve()
        if data.exists() and not data.is_dir():
            fail(f"`{data}` is no folder", EXIT_USAGE)
    except (OSError, ValueError) as invalid:  # a path with a NUL, or too long
        fail(str(invalid), EXIT_USAGE)
    return data


@contextlib.contextmanager
def local_city(data: Path) -> Iterator[LocalCity]:
    """Give the city that is up on `data`; where none is, one is up for the length of the block."""
    if port := _port_of(data):
        yield LocalCity(data=data, port=port)
        return
    with _up(data):
        if not (port := _port_of(data)):
            fail("no answer from the city: it was stopped", EXIT_UNAVAILABLE)
        yield LocalCity(data=data, port=port)


def _port_of(data: Path) -> int | None:
    """The port of the city that is up on `data`; None where none is, whatever a killed one left behind."""
    if not (data / _ADDRESS).exists():
        return None
    with (data / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = (data / _ADDRESS).read_text()
            return int(text) if text.isdecimal() else None  # empty for a moment, while it comes up
    return None


@contextlib.contextmanager
def _up(data: Path) -> Iterator[None]:
    """Run `up` on `data` for the length of the block; end the command as it ends if it does not come up."""
    line = [sys.executable, "-P", "-m", "commands", "up", "--json", "--data", str(data)]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryFile() as trouble:
        child = subprocess.Popen(
            line, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=trouble, start_new_session=True, preexec_fn=_end_with_us,  # noqa: PLW1509 - no threads here
        )  # fmt: skip
        try:
            if not _said_line(child):
                _end(child)
                trouble.seek(0)
                _end_as(child, trouble.read().decode(errors="replace"))
            yield
        finally:
            _end(child)


def _end_with_us() -> None:
    """In the child: however we end, it is interrupted and heeds that, so that its city ends."""
    heed_signals()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _said_line(child: "subprocess.Popen[bytes]") -> bool:
    """Whether it prints a whole line in time, which `up` does once everything answers."""
    until, text = time.monotonic() + _UP_SECONDS, b""
    while child.stdout and not text.endswith(b"\n"):
        ready, _, _ = select.select([child.stdout], [], [], max(0.0, until - time.monotonic()))
        more = os.read(child.stdout.fileno(), _LINE_BYTES) if ready else b""
        if not more:
            break
        text += more
    return text.endswith(b"\n")


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Interrupt it and wait until its city has ended; kill it if that takes too long."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(_KILL_SECONDS)
    if child.stdout:
        child.stdout.close()


def _end_as(child: "subprocess.Popen[bytes]", trouble: str) -> NoReturn:
    """End with what it said and its exit code."""
    if not trouble:
        fail(f"the city is not up within {_UP_SECONDS:.0f} s", EXIT_FAILED)
    click.echo(trouble, nl=False, err=True)
    sys.exit(child.returncode if child.returncode and child.returncode > 0 else EXIT_FAILED)
