"""Engine for PostgreSQL by pgBackRest: an encrypted base backup and every WAL since; restored to the latest point.

The passphrase stands in pgBackRest's own configuration file, which belongs to the account the server runs as; whatever
is run here runs as that account. Rows are counted at a moment when no transaction is under way, so that the restored
copy, paused at exactly that place of the WAL, must count the same.
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from backup import throwaway
from backup.engine import BackupPart, Examination, Files
from backup.errors import EngineFailed, EngineMissing, PartDamaged
from backup.program import Program, error_line, owner_of
from storage.database import Database
from storage.errors import StorageUnavailable

STANZA = "city"
_SECONDS = 4 * 3600.0
_FULL_SECONDS = 7 * 86400  # then a whole one again; between, what changed
_READABLE = (0, 1, 2, 3)  # status of a stanza: sound, or there is nothing of it yet
_LOOKS, _LOOK_SECONDS = 400, 0.025


class PgBackRest:
    """Its one part is the whole server. `configuration` is None where it is not set up; `database` is None where
    nothing is to be backed up.
    """

    name = "pgbackrest"

    def __init__(
        self, configuration: Path | None, *, database: Database | None, full_seconds: int = _FULL_SECONDS
    ) -> None:
        self._configuration, self._database, self._full_seconds = configuration, database, full_seconds

    def what_is_missing(self) -> str:
        """Return which setting, program or file is missing, or ""."""
        if self._configuration is None:
            return "CITYGATE_BACKUP_PGBACKREST is not set: the database cannot be backed up"
        try:
            missing = self._program().what_is_missing()
        except EngineMissing as failure:
            return str(failure)
        return missing or throwaway.what_is_missing()

    def take(self, name: str, source: Path | Files, folder: Path) -> BackupPart:
        """Back the server up, count its rows, and check that the WAL up to there is in the repository. Return the part.

        Raises EngineMissing, EngineFailed, RepositoryFull, StorageUnavailable.
        """
        before = self._backups()
        if not before:
            self._run("stanza-create")  # changes nothing where there is one
        self._run("backup", f"--type={self._kind(before)}")
        label, known = self._newest()
        place, database, counts = self._count()
        self._run("check")  # switches to a new WAL and waits until the old one is there
        return BackupPart(
            name=name, engine=self.name, reference=f"{label} {place} {database}", bytes=int(known["info"]["size"]),
            digest=_digest(known), counts=counts,
        )  # fmt: skip

    def restore(self, part: BackupPart, folder: Path, into: Path) -> None:
        """Restore the server's files below `into`/NAME. Raises EngineMissing, EngineFailed, PartDamaged, OSError."""
        label = part.reference.split()[0]
        known = next((one for one in self._backups() if one["label"] == label), None)
        if known is None:
            raise PartDamaged(f"`{part.name}`: pgBackRest has no backup {label} any more")
        if _digest(known) != part.digest:
            raise PartDamaged(f"`{part.name}` is not what its manifest says")
        throwaway.make_folder(into / part.name, self._program().account)
        self._run("restore", f"--pg1-path={into / part.name}", f"--set={label}", "--archive-mode=off")

    def forget(self, part: BackupPart) -> None:
        """Do nothing: pgBackRest removes old backups itself, as its configuration says."""

    def examine(self, part: BackupPart, into: Path, taken: datetime) -> Examination:
        """Start the copy twice: paused where the rows were counted, then up to the last WAL. Return what it answers.
        Raises EngineFailed.
        """
        _, place, database = part.reference.split()
        server = throwaway.Server(into / part.name, account=self._program().account, database=database)
        with server.paused_at(place) as at, at.reading() as connection:
            counts = count(connection)
        with server.latest() as last, last.reading() as connection:
            newest = connection.execute(sa.text("SELECT pg_last_xact_replay_timestamp()")).scalar()
        return Examination(counts=counts, newest=max(newest or taken, taken))

    def abandon(self, into: Path) -> None:
        """Stop the servers that a killed drill left below `into`. Raises EngineFailed."""
        with suppress(EngineMissing):
            throwaway.stop_below(into, self._program().account)

    def _program(self) -> Program:
        if self._configuration is None:
            raise EngineMissing(self.what_is_missing())
        passwords = self._configuration.with_name("pgpass")
        environment = {"PGPASSFILE": str(passwords)} if passwords.exists() else {}
        return Program(
            name="pgbackrest", package="pgbackrest", seconds=_SECONDS, environment=environment,
            account=owner_of(self._configuration),
        )  # fmt: skip

    def _run(self, command: str, *arguments: str) -> str:
        where = (f"--config={self._configuration}", f"--stanza={STANZA}", "--log-level-console=off")
        return self._program().run(command, *where, *arguments)

    def _backups(self) -> list[dict[str, Any]]:
        try:
            stanzas = json.loads(self._run("info", "--output=json"))
            if wrong := [one for one in stanzas if one["status"]["code"] not in _READABLE]:
                raise EngineFailed(f"pgbackrest info: {error_line(json.dumps(wrong[0]['repo'])[:2000])}")
            return [one for stanza in stanzas for one in stanza["backup"] if not one.get("error")]
        except (ValueError, KeyError, TypeError) as failure:
            raise EngineFailed(f"pgbackrest info cannot be read: {type(failure).__name__}") from failure

    def _newest(self) -> tuple[str, dict[str, Any]]:
        known = max(self._backups(), key=lambda one: int(one["timestamp"]["stop"]), default=None)
        if known is None:
            raise EngineFailed("pgbackrest backup left no backup")
        return str(known["label"]), known

    def _kind(self, known: Sequence[dict[str, Any]]) -> str:
        """A whole one from time to time; between, what changed."""
        full = [int(one["timestamp"]["stop"]) for one in known if one["type"] == "full"]
        newest = max((int(one["timestamp"]["stop"]) for one in known), default=0)
        return "full" if not full or newest - max(full) >= self._full_seconds else "incr"

    def _count(self) -> tuple[str, str, dict[str, int]]:
        """A place in the WAL, and the rows by table there: counted in a snapshot nothing was committed around."""
        if self._database is None:
            raise EngineMissing("a restore takes no backups")
        for _ in range(_LOOKS):
            with self._database.reading() as connection:
                seen, place, name = connection.execute(sa.text(_HERE)).one()
                if _is_quiet(seen) and self._still(seen):
                    return str(place), str(name), count(connection)
            time.sleep(_LOOK_SECONDS)
        raise EngineFailed("the database is never without a transaction for long enough to be counted: try again")

    def _still(self, seen: str) -> bool:
        """Whether nobody has begun or ended to write since. A commit is in the WAL before its snapshot says so."""
        if self._database is None:
            return False
        with suppress(StorageUnavailable), self._database.transaction() as connection:
            now, writing = connection.execute(sa.text(_NOW)).one()
            return bool(now == seen and not writing)
        return False


_HERE = "SELECT pg_current_snapshot()::text, pg_current_wal_insert_lsn()::text, current_database()"
_NOW = """
SELECT pg_current_snapshot()::text,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname = current_database())
"""


def count(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table of the schema `public`."""
    counted = {}
    for name in sorted(sa.inspect(connection).get_table_names(schema="public")):
        counted[name] = int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar() or 0)
    return counted


def _is_quiet(snapshot: str) -> bool:
    least, most, _ = snapshot.split(":")
    return least == most


def _digest(known: dict[str, Any]) -> str:
    """Of what pgBackRest says of a backup whose every file it checks itself at a restore."""
    fields = {name: known[name] for name in ("label", "type", "timestamp", "lsn", "archive", "info")}
    return sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
