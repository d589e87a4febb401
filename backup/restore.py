"""Restore: a data folder out of a backup, without a city; from the repository and what was kept outside alone."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from audit import durable, index
from audit.checkpoint import Checkpoint
from audit.log import Log
from backup.drill import (
    compare_keys,
    examine_databases,
    open_canary,
    outside_checkpoint,
    restore_parts,
    verify_restored,
)
from backup.errors import ManifestInvalid
from backup.manifest import Manifest, Platform
from backup.repository import Repository
from backup.run import CONFIGURATION, LOG, Engines, ReportStep
from crypto.sign import VerifyingKey, load_public


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKeys:
    """What an operator keeps outside: a copy of the city's keys, as they lay in its data folder."""

    folder: Path
    ids: Mapping[str, str]
    platform: Callable[[Path], Platform]  # what seals the platform's secrets, of a data folder


def restore(
    backup: str,
    into: Path,
    *,
    repository: Repository,
    engines: Engines,
    signer: VerifyingKey,
    kept: KeptKeys,
    report_step: ReportStep,
) -> Manifest:
    """Make the new data folder `into` out of the backup `backup`, or the newest if that is "". Return its manifest.

    The folder is there whole and checked, or not at all. `signer` is the public key of manifests, `kept` has the city's
    keys, and `say` is told each step. Raises BackupError, AuditError, CryptoError, OSError.
    """
    engines.check()
    report_step("manifest")
    manifest = repository.manifest(backup or repository.newest(), signer)
    log = Log(folder=into / LOG, key=load_public(kept.folder / "keys/audit.pub"), origin=manifest.city)
    outside = outside_checkpoint(repository, manifest.id, log)
    report_step("keys")
    compare_keys(manifest.keys, kept.ids)
    durable.make_folder(into.parent)
    with durable.alone_in(into.parent):
        if into.exists():
            raise FileExistsError(f"`{into}` exists: a restore overwrites nothing")
        scratch = into.with_name(f"{into.name}.restoring")
        shutil.rmtree(scratch, ignore_errors=True)  # of one that was killed
        try:
            _bring_back(manifest, scratch, repository, engines, log=log, outside=outside, report_step=report_step)
            report_step("canary")
            open_canary(manifest, kept.platform(scratch))
            report_step("whole")
            _put_together(manifest, kept.folder, scratch)
            durable.sync_tree(scratch)
            scratch.rename(into)
            durable.sync_folder(into.parent)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return manifest


def _bring_back(
    manifest: Manifest,
    scratch: Path,
    repository: Repository,
    engines: Engines,
    *,
    log: Log,
    outside: Checkpoint,
    report_step: ReportStep,
) -> None:
    """Every part, each held against what is known of it."""
    report_step("restore")
    restore_parts(manifest, engines, repository, scratch)
    report_step("log")
    tiles = scratch / LOG
    verify_restored(tiles / "log", log, outside, manifest)
    index.refresh(tiles / "index.db", log=tiles / "log", key=log.key, origin=log.origin)  # never backed up
    report_step("database")
    examine_databases(manifest, engines, scratch)


def _put_together(manifest: Manifest, kept: Path, scratch: Path) -> None:
    """Configuration and keys to their places, and the folders a start expects: last, for without them none begins."""
    for path in sorted((scratch / CONFIGURATION).iterdir()):
        path.rename(scratch / path.name)
    (scratch / CONFIGURATION).rmdir()
    for name in {Path(path).parts[0] for path in manifest.keys}:
        if name not in ("keys", "issuer"):
            raise ManifestInvalid(f"a key would lie in `{name}`")
        shutil.copytree(kept / name, scratch / name, dirs_exist_ok=True)
    for name in ("run", "audit/spools"):
        (scratch / name).mkdir(mode=0o700, parents=True, exist_ok=True)
