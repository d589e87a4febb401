"""Drill: restore the newest backup into a throw-away place and hold it against what is kept outside; timed, or red.

Each step either holds or ends the drill with its name: nothing here reports success for what it did not see.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audit.checkpoint import Checkpoint, parse
from audit.errors import AuditError, CheckpointInvalid
from audit.log import Log
from audit.search import read
from audit.verify import verify
from backup.engine import Examination
from backup.errors import BackupError, DrillFailed
from backup.manifest import CANARY, Manifest, Platform, canary_of
from backup.plan import BackupPlan
from backup.repository import Repository
from backup.run import LOG, Engines, ReportStep
from crypto.errors import CryptoError
from crypto.sign import VerifyingKey
from storage.errors import StorageError

SCRATCH = "drill-"
CLEARING = "clearing"  # the last step, which no answer rests on


@dataclass(slots=True, kw_only=True)
class DrillResult:
    """What a drill saw. `failing` names the step that did not hold; it is "" only if every step held."""

    backup: str = ""
    failing: str = "manifest"
    why: str = ""
    rpo_seconds: float | None = None  # age of what came back when the drill began
    rto_seconds: float | None = None  # from the beginning to the last answer
    records: int = 0
    rows: int = 0
    bytes: int = 0

    @property
    def has_passed(self) -> bool:
        return not self.failing


@dataclass(frozen=True, slots=True, kw_only=True)
class Driller:
    """Runs drills in folders below `scratch`. `keys` returns the ids of the keys that are kept."""

    engines: Engines
    repository: Repository
    scratch: Path
    log: Log  # whose key and origin the restored log must carry
    platform: Callable[[Path], Platform]  # what seals the platform's secrets, of what was restored below a folder
    signer: VerifyingKey
    keys: Callable[[], Mapping[str, str]]
    clock: Callable[[], datetime]

    def run(self, drill: str, plan: BackupPlan, *, report_step: ReportStep) -> DrillResult:
        """Restore the newest backup, check it and time it. Return the result, in which also stands what did not hold.

        `drill` is the id of its row, `plan` has the targets, and `say` is told each step. Raises BackupBusy,
        RepositoryFull and, where what was restored cannot be removed, DrillFailed, EngineFailed, OSError.
        """
        result, begun, began_at = DrillResult(), time.monotonic(), self.clock()
        with self.repository.alone():
            _clear(self.scratch, self.engines.database.abandon)
            self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                for step, check in self._steps(self.scratch / f"{SCRATCH}{drill}", result, plan, began_at, begun):
                    report_step(step)
                    result.failing = step
                    check()
                result.failing = ""
            except (BackupError, AuditError, CryptoError, StorageError, OSError) as failure:
                result.why = str(failure) or type(failure).__name__
            finally:
                report_step(CLEARING)
                _clear(self.scratch, self.engines.database.abandon)
        return result

    def _steps(
        self, into: Path, result: DrillResult, plan: BackupPlan, began_at: datetime, begun: float
    ) -> Iterator[tuple[str, Callable[[], None]]]:
        walk = _Walk(self, into, result)
        yield "manifest", walk.find
        yield "keys", walk.keys
        yield "restore", walk.restore
        yield "log", walk.verify_log
        yield "canary", walk.canary
        yield "database", walk.databases
        result.rto_seconds = round(time.monotonic() - begun, 3)
        result.rpo_seconds = round((began_at - walk.newest).total_seconds(), 3)
        yield "rpo", lambda: _within("RPO", result.rpo_seconds or 0.0, plan.rpo.total_seconds())
        yield "rto", lambda: _within("RTO", result.rto_seconds or 0.0, plan.rto.total_seconds())


def clear(scratch: Path, repository: Repository, abandon: Callable[[Path], None]) -> None:
    """Remove what a drill that was killed left below `scratch`. No key is needed for it; `abandon` ends what still runs
    there.

    Raises BackupBusy, RepositoryFull, DrillFailed, EngineFailed, OSError.
    """
    if scratch.is_dir():
        with repository.alone():
            _clear(scratch, abandon)


def _clear(scratch: Path, abandon: Callable[[Path], None]) -> None:
    for left in sorted(scratch.glob(f"{SCRATCH}*"), key=Path.is_symlink):  # a link keeps nothing else here
        if left.is_symlink():
            raise DrillFailed(f"`{left}` is a link, which no drill makes: find out whose it is, and remove it")
        abandon(left)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(left)


class _Walk:
    """One drill on its way back."""

    def __init__(self, driller: Driller, into: Path, result: DrillResult) -> None:
        self.driller, self.into, self.result = driller, into, result
        self.manifest: Manifest
        self.pinned: Checkpoint
        self.newest: datetime

    def find(self) -> None:
        """The newest backup there ever was, as its signed manifest and the checkpoint outside say."""
        driller = self.driller
        self.result.backup = backup = driller.repository.newest()
        self.manifest = driller.repository.manifest(backup, driller.signer)
        self.pinned = outside_checkpoint(driller.repository, backup, driller.log)
        self.result.bytes = self.manifest.bytes

    def keys(self) -> None:
        """Every key the backup needs is kept, and is that key."""
        compare_keys(self.manifest.keys, self.driller.keys())

    def restore(self) -> None:
        """Every part, each against its digest."""
        restore_parts(self.manifest, self.driller.engines, self.driller.repository, self.into)

    def verify_log(self) -> None:
        """The restored log is intact and begins with the checkpoint kept outside."""
        restored = verify_restored(self.into / LOG / "log", self.driller.log, self.pinned, self.manifest)
        last = read(self.into / LOG / "log", restored - 1, key=self.driller.log.key, origin=self.driller.log.origin)
        self.newest, self.result.records = last.event.at, restored

    def canary(self) -> None:
        """What the platform's key sealed then still opens."""
        open_canary(self.manifest, self.driller.platform(self.into))

    def databases(self) -> None:
        """Each restored database answers, and holds the rows it held."""
        for seen in examine_databases(self.manifest, self.driller.engines, self.into):
            self.newest = min(self.newest, seen.newest)
            self.result.rows += sum(seen.counts.values())


def outside_checkpoint(repository: Repository, backup: str, log: Log) -> Checkpoint:
    """Return the checkpoint of `backup` that was kept outside, once its signature was checked. Raises DrillFailed."""
    text = repository.checkpoint_outside(backup)
    if text is None:
        raise DrillFailed(f"no checkpoint of {backup} is kept in `{repository.outside}`")
    try:
        return parse(text, log.key, log.origin)
    except CheckpointInvalid as failure:
        raise DrillFailed(f"the checkpoint kept outside: {failure}") from failure


def compare_keys(needed: Mapping[str, str], kept: Mapping[str, str]) -> None:
    """Compare the key ids that a backup needs with those that are kept. Returns nothing. Raises DrillFailed for a key
    that is missing or another.
    """
    missing = sorted(path for path in needed if path not in kept)
    others = sorted(path for path in needed if path in kept and kept[path] != needed[path])
    if missing or others:
        said = [f"missing: {', '.join(missing[:5])}"] * bool(missing) + [
            f"another key: {', '.join(others[:5])}"
        ] * bool(others)
        raise DrillFailed("; ".join(said))


def restore_parts(manifest: Manifest, engines: Engines, repository: Repository, into: Path) -> None:
    """Restore every part of `manifest` below the new folder `into`, each against its digest.
    Raises BackupError, OSError.
    """
    folder = repository.place(manifest.id)
    into.mkdir(mode=0o700, parents=True)
    for part in manifest.parts:
        engines.engine_for(part).restore(part, folder, into)


def examine_databases(manifest: Manifest, engines: Engines, into: Path) -> list[Examination]:
    """Return what each restored database answers.
    Raises BackupError, and DrillFailed if its rows are other than were backed up.
    """
    examined = []
    for part in manifest.parts:
        if engine := engines.database_of(part):
            seen = engine.examine(part, into, manifest.started_at)
            wrong = [name for name in {*part.counts, *seen.counts} if part.counts.get(name) != seen.counts.get(name)]
            if wrong:
                names = ", ".join(sorted(wrong)[:5])
                raise DrillFailed(f"`{part.name}`: other numbers of rows than were kept: {names}")
            examined.append(seen)
    return examined


def verify_restored(tiles: Path, log: Log, outside: Checkpoint, manifest: Manifest) -> int:
    """Check that the restored log is whole and ends at the checkpoint `outside`. Return its number of records.
    Raises DrillFailed.
    """
    report = verify(tiles, spools=None, index=None, key=log.key, origin=log.origin, pinned=outside)
    if report.status != "intact":
        first = report.findings[0].what if report.findings else report.status
        raise DrillFailed(f"the restored log is {report.status}: {first}")
    if parse(manifest.checkpoint, log.key, log.origin) != outside or report.size != outside.size or not report.size:
        raise DrillFailed("the restored log is not the one whose checkpoint is kept outside")
    return report.records


def open_canary(manifest: Manifest, platform: Platform) -> None:
    """Check that `platform` opens the manifest's canary. Returns nothing. Raises DrillFailed."""
    try:
        opened = platform.open(bytes.fromhex(manifest.canary), purpose=CANARY)
    except (CryptoError, ValueError):
        raise DrillFailed("the canary does not open: another platform key than the one that sealed it") from None
    if opened != canary_of(manifest.id):
        raise DrillFailed("the canary is of another backup")


def _within(name: str, measured: float, target: float) -> None:
    if measured > target:
        raise DrillFailed(f"{name} measured {measured:.1f} s, the plan promises {target:.0f} s")
