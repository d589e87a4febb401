"""The simulated hypervisor: no machine runs, but what a hypervisor would know is kept, in a file of its own.

It is the whole contract with nothing behind it; pages say so.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from infra.errors import HypervisorRefused, HypervisorUnavailable
from infra.hypervisor import HostedMachine, Spec, State

_TABLE = (
    "CREATE TABLE IF NOT EXISTS machine (id TEXT PRIMARY KEY, host TEXT NOT NULL, interface TEXT NOT NULL, "
    "cpu INTEGER NOT NULL, memory_gib INTEGER NOT NULL, disk_gib INTEGER NOT NULL, state TEXT NOT NULL)"
)
_BUSY_SECONDS = 5.0


class SimulatedHypervisor:
    """A Hypervisor. Several processes may share the file."""

    name = "simulated"

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, spec: Spec) -> None:
        """One row, stopped."""
        row = (spec.host, spec.interface, *spec.size)
        with self._file() as file:
            query = "SELECT host, interface, cpu, memory_gib, disk_gib FROM machine WHERE id = ?"
            if (there := file.execute(query, (spec.id,)).fetchone()) is None:
                file.execute("INSERT INTO machine VALUES (?, ?, ?, ?, ?, ?, 'stopped')", (spec.id, *row))
            elif there != row:
                raise HypervisorRefused("another machine has this id")

    def start(self, machine: str) -> None:
        """Say that it runs."""
        self._change(machine, "running")

    def stop(self, machine: str) -> None:
        """Say that it does not."""
        self._change(machine, "stopped")

    def delete(self, machine: str) -> None:
        """Forget it."""
        with self._file() as file:
            file.execute("DELETE FROM machine WHERE id = ?", (machine,))

    def state(self, machine: str) -> State | None:
        """What was said last."""
        hosted = self.list().get(machine)
        return hosted.state if hosted else None

    def list(self) -> Mapping[str, HostedMachine]:
        """All rows."""
        with self._file() as file:
            rows = file.execute("SELECT id, host, state FROM machine").fetchall()
            return {identifier: HostedMachine(host=host, state=state) for identifier, host, state in rows}

    def _change(self, machine: str, state: State) -> None:
        with self._file() as file:
            if not file.execute("UPDATE machine SET state = ? WHERE id = ?", (state, machine)).rowcount:
                raise HypervisorRefused("no such machine")

    @contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        """One transaction, synced before it counts."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)) as file:
                file.execute("PRAGMA synchronous=FULL")
                file.execute("BEGIN IMMEDIATE")
                file.execute(_TABLE)
                yield file
                file.execute("COMMIT")
        except (OSError, sqlite3.Error) as failure:
            raise HypervisorUnavailable("the simulated hypervisor's file cannot be used") from failure
