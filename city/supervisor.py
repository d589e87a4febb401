"""Processes that belong together: started, waited for, started again when one ends, stopped; nothing outlives us."""

import contextlib
import ctypes
import http.client
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

BARE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_STOP_SECONDS, _RESTART_SECONDS = 8.0, 1.0
_LOG_BYTES = 1 << 16  # of what a process said before it ended
_PR_SET_PDEATHSIG = 1
_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_NOT_FOR_CLIENTS = range(10_000, 32_768)  # below net.ipv4.ip_local_port_range


class CannotStart(Exception):
    """Something does not come up; the message says what and why."""


class CannotStop(Exception):
    """Something is still there after it was killed; the message says what."""


class Taken(CannotStart):
    """Somebody else has what it needs: a port, or the city itself."""


@dataclass(slots=True, kw_only=True)
class Process:
    """One program: how it is started, and how it is seen that it works."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path  # it is started in
    ready: Callable[[], bool]
    account: str = ""  # whose it runs as, where we are root and it must not be
    stop_signal: signal.Signals = signal.SIGTERM
    running: subprocess.Popen[bytes] | None = None
    begun: float = 0.0
    log_at: int = 0  # where in its log this start begins

    def start(self, log: IO[bytes]) -> None:
        """Start it; what it prints goes to `log`."""
        self.begun = time.monotonic()
        self.running = subprocess.Popen(
            self.command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, user=self.account or None, group=self.account or None,
            extra_groups=[] if self.account else None, preexec_fn=partial(_begin, self.stop_signal),  # noqa: PLW1509 - no threads here
        )  # fmt: skip

    def has_ended(self) -> bool:
        """Whether it was started and is no longer there; then neither are the workers it had."""
        if self.running is None:
            return False
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if self.running.returncode is None and os.waitid(os.P_PID, self.running.pid, how):
            with contextlib.suppress(
                ProcessLookupError
            ):  # they keep its port; its number is nobody else's until `poll`
                os.killpg(self.running.pid, signal.SIGKILL)
        return self.running.poll() is not None


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Some processes and where their output goes; `stop` ends every one."""

    logs: Path
    processes: list[Process] = field(default_factory=list)

    def start(self, processes: Sequence[Process], *, within_seconds: float) -> None:
        """Start all and wait until each is ready. Raises CannotStart."""
        deadline = time.monotonic() + within_seconds
        for process in processes:
            self.processes.append(process)
            self._start(process)
        waiting = list(processes)
        while waiting:
            waiting = [process for process in waiting if not process.ready()]
            dead = [process for process in waiting if process.has_ended()]
            if dead or (waiting and time.monotonic() > deadline):
                why = "; ".join(process.name + self._last_words(process) for process in dead or waiting)
                raise CannotStart(f"not ready: {why}; see {self.logs}/*.log")
            time.sleep(0.05)

    def keep(self) -> None:
        """Wait for Ctrl-C; a process that ends is started again, at most once a second."""
        while True:
            time.sleep(0.2)
            self.look_after()

    def look_after(self) -> None:
        """Start again what has ended."""
        for process in self.processes:
            if process.has_ended() and time.monotonic() - process.begun > _RESTART_SECONDS:
                self._start(process)

    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return {process.name: process.running.pid for process in self.processes if process.running}

    def stop(self) -> None:
        """End every process, politely first; those that were started last end first. Raises CannotStop."""
        for process in reversed(self.processes):
            if process.running and not process.has_ended():
                process.running.send_signal(process.stop_signal)
        left = []
        for process in reversed(self.processes):
            until = time.monotonic() + _STOP_SECONDS
            while process.running and not process.has_ended():
                if time.monotonic() > until + _STOP_SECONDS:  # the kernel does not let go of it
                    left.append(f"{process.name} (process {process.running.pid})")
                    break
                if time.monotonic() > until:
                    os.killpg(process.running.pid, signal.SIGKILL)
                time.sleep(0.02)
        if left:
            raise CannotStop(f"not ended, not even killed: {', '.join(left)}")

    def _start(self, process: Process) -> None:
        with self._log(process).open("ab") as log:
            process.log_at = log.tell()
            process.start(log)

    def _log(self, process: Process) -> Path:
        return self.logs / f"{process.name}.log"

    def _last_words(self, process: Process) -> str:
        """What an ended process said last, which is why it ended."""
        with self._log(process).open("rb") as log:
            log.seek(max(process.log_at, log.seek(0, os.SEEK_END) - _LOG_BYTES))
            lines = log.read().decode(errors="replace").splitlines() if process.has_ended() else []
        return ": " + lines[-1].removeprefix("citygate: ") if lines else ""


def answers(port: int, path: str = "/") -> bool:
    """Whether something on loopback answers HTTP there, with no 5xx; a refusal is an answer too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def check_free(port: int) -> None:
    """Raises Taken when somebody listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Taken(f"port {port} is taken; choose another with --port") from None


def free_ports(count: int) -> list[int]:
    """So many ports that nobody listens on now, and none that the kernel gives to a client meanwhile."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(_NOT_FOR_CLIENTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
    return found


def free_pair() -> int:
    """A port that nobody listens on, nor on the next one."""
    while True:
        (port,) = free_ports(1)
        with contextlib.suppress(Taken):
            check_free(port + 1)
            return port


def heed_signals() -> None:
    """Let Ctrl-C and SIGTERM end this process as KeyboardInterrupt, whatever it was started with.

    A shell makes what a script starts with `&` ignore SIGINT, and Python leaves that as it finds it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _begin(how: signal.Signals) -> None:
    """In the child, before its program: nothing outlives the command that started it, however that ends.

    What we ignore or block, a child would ignore or block as well: it begins with the defaults.
    """
    for number in _ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, how)
