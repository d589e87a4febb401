"""Throw-away: a restored PostgreSQL that nobody else reaches, on a socket in a folder of its own, for one drill."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from backup.errors import EngineFailed, EngineMissing
from backup.program import error_line
from storage.database import Database
from storage.errors import StorageUnavailable

_READY_SECONDS, _STOP_SECONDS, _LOOK_SECONDS = 1800.0, 60.0, 0.1
_LOG_BYTES = 1 << 16
_SOCKETS = "citygate-drill-"  # a folder of this name; a socket's path may not be long
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
# a copy that is read while it recovers needs at least as much as the original had; pg_controldata tells
_AT_LEAST = ("max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_xacts", "max_locks_per_xact")
_NAMES = {"max_prepared_xacts": "max_prepared_transactions", "max_locks_per_xact": "max_locks_per_transaction"}


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise EngineMissing("postgres is missing: apt-get install postgresql")
    return found[-1]


def what_is_missing() -> str:
    """Return what to do where PostgreSQL's programs are not installed, or ""."""
    try:
        _programs()
    except EngineMissing as failure:
        return str(failure)
    return ""


def make_folder(folder: Path, account: str) -> None:
    """Make a folder for the copy that only `account` can read, and that it can reach. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True)
    if os.geteuid() == 0:
        for above in (folder.parent, folder.parent.parent):
            above.chmod(0o711)  # pass through, not look; what else lies there is 0600
        shutil.chown(folder, account, account)


def stop_below(folder: Path, account: str) -> None:
    """Stop every server whose data lies in a folder below `folder`. Raises EngineMissing, EngineFailed."""
    for found in folder.glob("*/postmaster.pid"):
        socket = Path(next(iter(found.read_text().splitlines()[4:5]), ""))
        command = [str(_programs() / "pg_ctl"), "stop", "--mode=immediate", f"--pgdata={found.parent}"]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=_STOP_SECONDS, **_as(account))
        except subprocess.TimeoutExpired:
            raise EngineFailed(f"the server that a drill left in `{found.parent}` does not stop") from None
        if socket.name.startswith(_SOCKETS):
            shutil.rmtree(socket, ignore_errors=True)


class Server:
    """The copy in the folder `data`. Each block below is one run of it."""

    def __init__(self, data: Path, *, account: str, database: str) -> None:
        self._data, self._account, self._database = data, account, database

    @contextlib.contextmanager
    def paused_at(self, place: str) -> Iterator[Database]:
        """Yield the database, recovered to just before this place of the WAL and no further. Raises EngineFailed."""
        target = {"recovery_target_lsn": place, "recovery_target_inclusive": "off", "recovery_target_action": "pause"}
        with self._running(target, "SELECT pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused'") as copy:
            yield copy

    @contextlib.contextmanager
    def latest(self) -> Iterator[Database]:
        """Yield the database, recovered to the end of the WAL that is kept. Raises EngineFailed."""
        with self._running({}, "SELECT NOT pg_is_in_recovery()") as copy:
            yield copy

    @contextlib.contextmanager
    def _running(self, settings: dict[str, str], question: str) -> Iterator[Database]:
        place, log = Path(tempfile.mkdtemp(prefix=_SOCKETS)), self._data.with_name("postgres.log")
        (place / "hba").write_text("local all all trust\n")  # who comes to the socket's folder is us
        if os.geteuid() == 0:
            for path in (place, place / "hba"):
                shutil.chown(path, self._account, self._account)
        with log.open("wb") as output:
            server = subprocess.Popen(
                self._command(settings, place),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **_as(self._account),
            )
        copy = Database(f"postgresql+psycopg://postgres@/{self._database}?host={place}", connections=2)
        try:
            _wait(server, copy, question, log)
            yield copy
        finally:
            copy.close()
            _stop(server)
            shutil.rmtree(place, ignore_errors=True)

    def _command(self, settings: dict[str, str], place: Path) -> list[str]:
        options = {
            "listen_addresses": "", "unix_socket_directories": str(place), "hba_file": str(place / "hba"),
            "port": "5432", "archive_mode": "off", "hot_standby": "on", "logging_collector": "off", "fsync": "off",
        }  # fmt: skip
        given = [f"--{name}={value}" for name, value in {**options, **self._needed(), **settings}.items()]
        return [str(_programs() / "postgres"), "-D", str(self._data), *given]

    def _needed(self) -> dict[str, str]:
        command = [str(_programs() / "pg_controldata"), f"--pgdata={self._data}"]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_STOP_SECONDS, **_as(self._account)
        )
        if ended.returncode:
            raise EngineFailed(f"pg_controldata: {error_line(ended.stderr)}")
        found = dict(re.findall(r"^(\w+) setting: +(\d+)$", ended.stdout, re.MULTILINE))
        return {_NAMES.get(name, name): found[name] for name in _AT_LEAST if name in found}


def _wait(server: subprocess.Popen[bytes], copy: Database, question: str, log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while not _answers(copy, lambda found: bool(found), question):
        if server.poll() is not None or time.monotonic() > until:
            said = error_line(log.read_bytes()[-_LOG_BYTES:].decode(errors="replace"))
            raise EngineFailed(f"the restored PostgreSQL does not get there: {said}")
        if _answers(copy, lambda found: not found, "SELECT pg_is_in_recovery()") and "NOT" not in question:
            raise EngineFailed("the WAL that is kept ends before the moment at which the backup was counted")
        time.sleep(_LOOK_SECONDS)


def _answers(copy: Database, holds: Callable[[object], bool], question: str) -> bool:
    with contextlib.suppress(StorageUnavailable), copy.transaction() as connection:
        return holds(connection.execute(sa.text(question)).scalar())
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # fast: sessions are ended, not waited for
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait(_STOP_SECONDS)


def _as(account: str) -> dict[str, Any]:
    """Whose a process is: the account's where we are root, else ours."""
    owner = account if os.geteuid() == 0 else ""
    return {
        "user": owner or None, "group": owner or None, "extra_groups": [] if owner else None, "env": _ENVIRONMENT,
        "cwd": "/", "start_new_session": True,
    }  # fmt: skip
