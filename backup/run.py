"""One backup: snapshot every part, wait until the log holds what they hold, keep its checkpoint outside, sign."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from audit.extract import ends_of, extract, stand
from audit.log import Log
from backup import manifest as manifests
from backup.engine import BackupPart, DatabaseEngine, Engine, Files
from backup.errors import BackupError, EngineFailed, EngineMissing, ManifestInvalid
from backup.manifest import CANARY, Manifest, Platform, canary_of
from backup.repository import MANIFEST, Repository
from backup.sealed_files import write_all
from crypto.sign import SigningKey

LOG, CONFIGURATION = "audit", "configuration"
_CAUGHT_UP_SECONDS = 15.0  # the sequencer needs less than one
ReportStep = Callable[[str], None]
"""Called with the name of each step when it begins."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is backed up. `databases` returns the databases by the name of their part."""

    databases: Callable[[], Mapping[str, Path]]  # asked at each backup: the issuer's appears with its first start
    configuration: Files
    log: Log
    keys: Callable[[], Mapping[str, str]]  # the ids that a restore will need


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Which engine stores what. A part names the engine that can restore it."""

    database: DatabaseEngine  # of the city's own database
    files: Engine
    beside: DatabaseEngine  # of the local issuer's files

    def engine_for(self, part: BackupPart) -> Engine:
        """Return the engine that can restore `part`.
        Raises ManifestInvalid for an engine that this city does not have.
        """
        for one in (self.database, self.files, self.beside):
            if one.name == part.engine:
                return one
        raise ManifestInvalid(f"part `{part.name}` is of engine `{part.engine}`, which is not set up here")

    def database_of(self, part: BackupPart) -> DatabaseEngine | None:
        """Return the engine of `part` if the part is a database, else None."""
        return next((one for one in (self.database, self.beside) if one.name == part.engine), None)

    def check(self) -> None:
        """Raise EngineMissing, which names everything that is missing. Return nothing if nothing is."""
        if missing := sorted(
            {said for one in (self.database, self.files, self.beside) if (said := one.what_is_missing())}
        ):
            raise EngineMissing("; ".join(missing))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Makes whole backups, or none. `platform` seals the canary, `signing` signs the manifest."""

    sources: Sources
    engines: Engines
    repository: Repository
    platform: Platform
    signing: SigningKey
    clock: Callable[[], datetime]

    def run(self, backup: str, *, keep: int, report_step: ReportStep) -> Manifest:
        """Make the backup `backup` and return its manifest; then remove the oldest beyond `keep`. `say` is told each
        step. Raises BackupError, AuditError, OSError.
        """
        self.engines.check()
        with self.repository.alone(), self.repository.new_backup(backup) as folder:
            started = self.clock()
            canary = self.platform.seal(canary_of(backup), purpose=CANARY)  # first: its key's version is in the copy
            parts = self._databases(folder, report_step)
            report_step("log")
            text, log = self._log(folder)
            report_step("configuration")
            parts += [log, self.engines.files.take(CONFIGURATION, self.sources.configuration, folder)]
            manifest = Manifest(
                id=backup,
                city=self.sources.log.origin,
                started_at=started,
                finished_at=self.clock(),
                parts=tuple(parts),
                checkpoint=text,
                canary=canary.hex(),
                keys=self.sources.keys(),
            )
            report_step("manifest")
            write(folder / MANIFEST, manifests.sign(manifest, self.signing))
            self.repository.keep_outside(backup, text)
        report_step("retention")
        try:
            with self.repository.alone():
                self._forget(self.repository.ids()[:-keep])
        except (BackupError, OSError):
            _log.exception("old backups were not let go; the new one is whole")
        return manifest

    def _databases(self, folder: Path, report_step: ReportStep) -> list[BackupPart]:
        parts = []
        for number, (name, place) in enumerate(self.sources.databases().items()):
            report_step(name)
            engine = self.engines.beside if number else self.engines.database
            parts.append(engine.take(name, place, folder))
        return parts

    def _log(self, folder: Path) -> tuple[str, BackupPart]:
        """The databases are copied: every row's record was in a spool by then, and must be in the copy of the log."""
        log = self.sources.log
        ends, until = ends_of(log.spools), time.monotonic() + _CAUGHT_UP_SECONDS
        while (at := stand(log)) is None or not at.covers(ends):
            if time.monotonic() > until:
                raise EngineFailed("the log does not take what was recorded: is the sequencer running?")
            time.sleep(0.05)
        return at.text, self.engines.files.take(LOG, partial(extract, log, at), folder)

    def _forget(self, old: Sequence[str]) -> None:
        for backup in old:
            try:
                held = self.repository.manifest(backup, self.signing.public)
            except ManifestInvalid:
                continue  # what cannot be read is evidence, and stays
            for part in held.parts:
                self.engines.engine_for(part).forget(part)
            self.repository.remove(backup)


def write(path: Path, text: str) -> None:
    """Write a new file, which is on the disk when this returns. Raises FileExistsError, OSError."""
    with path.open("xb", buffering=0) as file:
        write_all(file, text.encode())
        os.fsync(file.fileno())
