"""One measurement: a load by wrk, every answer's status, and the CPU that whole trees of processes spent on it."""

import contextlib
import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
CONNECTIONS = 64
VISIT_REQUESTS = 10  # of one visitor, who is then gone: a page and what it loads
BODY_BYTES = 1024  # of the upstream's answer
SETTLE_SECONDS = 1.25  # what is done later belongs to the requests too: the log is integrated within a second
_LOADING_SECONDS = 600  # more than any measurement beside a load takes
_TICKS = os.sysconf("SC_CLK_TCK")


class CannotMeasure(Exception):
    """A program is missing, or what came back is not what was asked for; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a load goes, as whom, and whose CPU answers it."""

    port: int
    host: str  # the Host header
    paths: Sequence[str]
    credentials: Path  # one header line each, readable by us alone
    ours: Sequence[int]  # root processes; their children count too
    apart: Mapping[str, Sequence[int]] = field(default_factory=dict)  # nginx, PostgreSQL, Redis: told apart, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run of wrk saw, and what it cost."""

    seconds: float
    statuses: Mapping[str, int]
    errors: Mapping[str, int]  # of the connection, as wrk counts them; a status is none
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    apart_cpu_seconds: Mapping[str, float]

    @property
    def served_count(self) -> int:
        """Answers of the upstream: a refusal is cheap, and no service."""
        return self.statuses.get("200", 0)


def need(*programs: str) -> None:
    """Raises CannotMeasure where a program is missing."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        raise CannotMeasure(f"missing: {', '.join(missing)}; as root: apt-get install {' '.join(missing)}")


def load(target: Target, *, seconds: int) -> Measured:
    """Ask `target` for so many seconds over 64 connections. Raises CannotMeasure."""
    before = cpu_seconds(target.ours), cpu_seconds_apart(target.apart)
    told = _wrk(target, seconds=seconds)
    time.sleep(SETTLE_SECONDS)
    after = cpu_seconds(target.ours), cpu_seconds_apart(target.apart)
    return Measured(
        seconds=told["s"]["duration"],
        statuses={what: int(count) for what, count in told["status"].items()},
        errors={what: int(count) for what, count in told["error"].items() if count and what != "status"},
        p50_ms=told["ms"]["p50"],
        p99_ms=told["ms"]["p99"],
        cpu_seconds=after[0] - before[0],
        apart_cpu_seconds={name: spent - before[1][name] for name, spent in after[1].items()},
    )


def _wrk(target: Target, *, seconds: int) -> dict[str, dict[str, float]]:
    with _command(target, seconds=seconds) as command:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    if ended.returncode:
        raise CannotMeasure(f"wrk: {ended.stderr or ended.stdout}")
    told: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in ended.stdout.splitlines():
        kind, tab, rest = line.partition("\t")
        if tab:
            what, _, number = rest.partition("\t")
            told[kind][what] += float(number)
    return told


@contextlib.contextmanager
def loading(target: Target) -> Iterator[None]:
    """Keep `target` under the same load for the length of the block. Raises CannotMeasure if it ended by itself."""
    with _command(target, seconds=_LOADING_SECONDS) as command:
        wrk = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
            if wrk.poll() is not None:
                raise CannotMeasure("the load ended before the measurement")
        finally:
            wrk.kill()
            wrk.wait(10)


@contextlib.contextmanager
def _command(target: Target, *, seconds: int) -> Iterator[list[str]]:
    with TemporaryDirectory() as folder:
        paths = Path(folder) / "paths"
        paths.write_text("\n".join(target.paths))
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "visits.lua")]
        given = [target.credentials, paths, target.host, VISIT_REQUESTS, CONNECTIONS, BODY_BYTES]
        yield ["wrk", *options, f"http://127.0.0.1:{target.port}/", "--", *map(str, given)]


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of these processes and all below them, those included that ended and were waited for."""
    return sum(_spent(pid) for pid in tree(roots))


def cpu_seconds_apart(named: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """That of each of some groups of processes."""
    return {name: cpu_seconds(roots) for name, roots in named.items()}


def tree(roots: Iterable[int]) -> set[int]:
    """These processes and their living descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        if (fields := _stat(int(entry.name))) is not None:
            children[int(fields[1])].append(int(entry.name))
    found, waiting = set[int](), list(roots)
    while waiting:
        found.add(pid := waiting.pop())
        waiting += children[pid]
    return found


def _spent(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def _stat(pid: int) -> list[str] | None:
    """What proc(5) tells from the state on; a process's name may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
