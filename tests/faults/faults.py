"""Ways to break a running city: stop, kill, trace, lock; and to read its log afterwards."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from audit.event import Event, decode
from audit.record import decode as record
from audit.tiles import Tiles
from audit.verify import Report, verify
from crypto.local_keys import load
from crypto.sign import SigningKey
from tests.bounds import line_in_time, run_beside
from tests.journeys.running_city import City
from tests.needs import need, not_run

ORIGIN = "citygate.localhost/audit"


def children(supervisor: int) -> dict[str, int]:
    """The running processes of a city by name, as the kernel knows them."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            number = int(entry.name)
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if parent == supervisor and words[1:2]:
                name = words[words.index(b"--name") + 1] if b"--name" in words else words[3]
                found[name.decode()] = number
    return found


def pid(city: City, name: str) -> int:
    """The process that has this name now; it may have been started again since `up`."""
    return children(city.process.pid)[name]


def port_of_portal(city: City, name: str) -> int:
    """Where a portal itself listens, past the door."""
    words = Path(f"/proc/{pid(city, name)}/cmdline").read_bytes().split(b"\0")
    return int(words[words.index(b"--port") + 1])


def alive(number: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


@contextlib.contextmanager
def stopped(number: int) -> Iterator[None]:
    """A process that hangs for the length of the block."""
    os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGCONT)


@contextlib.contextmanager
def down(city: City, name: str) -> Iterator[None]:
    """A process that is gone: killed, and its supervisor too slow to notice."""
    with stopped(city.process.pid):
        os.kill(pid(city, name), signal.SIGKILL)
        yield


@contextlib.contextmanager
def traced(number: int, calls: str) -> Iterator[Callable[[], list[str]]]:
    """Every one of these system calls of a process, in their order, with all their bytes; readable meanwhile."""
    need("strace", root=True)
    with tempfile.NamedTemporaryFile(suffix=".strace") as file:
        line = ["strace", "-f", "-yy", "-s", "65536", "-e", f"trace={calls}", "-e", "signal=none", "-o", file.name]
        with run_beside([*line, "-p", str(number)], stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr
            told = line_in_time(tracer, tracer.stderr)
            if "attached" not in told:
                not_run(told.strip())
            kept: list[str] = []

            def lines() -> list[str]:
                return kept or Path(file.name).read_text(errors="backslashreplace").splitlines()

            try:
                yield lines
            finally:
                tracer.send_signal(signal.SIGINT)
                try:
                    tracer.wait(20)
                except subprocess.TimeoutExpired:
                    tracer.kill()
                kept += lines()


def report(city: City) -> Report:
    """What `audit verify` finds."""
    folder = city.data / "audit"
    key = SigningKey(load(city.data / "keys/audit.key")).public
    return verify(log=folder / "log", spools=folder / "spools", index=folder / "index.db", key=key, origin=ORIGIN)


def events(city: City) -> list[Event]:
    """Every event of the log by now, read from its tiles."""
    tiles = Tiles(city.data / "audit/log")
    for _ in range(20):  # tiles that grew are replaced while they are read
        with contextlib.suppress(Exception):
            size = tiles.checkpoint(SigningKey(load(city.data / "keys/audit.key")).public, ORIGIN).size
            return [decode(record(data).event) for _, data in tiles.records(0, size)]
        time.sleep(0.05)
    raise AssertionError("the log cannot be read")


@contextlib.contextmanager
def database(city: City) -> Iterator[sqlite3.Connection]:
    """The city's file, opened by somebody else."""
    with contextlib.closing(sqlite3.connect(city.data / "city.db", timeout=0, isolation_level=None)) as connection:
        yield connection


def resident_bytes(number: int) -> int:
    """Memory of a process now."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{number}/status").read_text())
    return int(found[1]) * 1024 if found else 0
