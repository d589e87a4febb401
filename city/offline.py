"""Commands that read a city's files where none runs: prove its log, make its data folder out of a backup."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from audit.checkpoint import parse
from audit.errors import AuditError, CheckpointInvalid
from audit.verify import verify
from backup.errors import BackupError, DrillFailed, ManifestInvalid, PartDamaged
from backup.restore import restore
from city import backups as recovery
from city.clock import clock
from city.options import settings_of
from city.records import open_log
from commands.output import EXIT_CONFLICT, EXIT_INTEGRITY, EXIT_UNAVAILABLE, fail
from crypto.errors import CryptoError, KeyFileUnsafe

_UNSOUND = (AuditError, CryptoError, DrillFailed, ManifestInvalid, PartDamaged)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("verify")
@click.option("--data", type=click.Path(path_type=Path))
@click.option(
    "--pinned", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A checkpoint that was kept outside."
)
@click.option("--json", "as_json", is_flag=True)
def audit_verify(data: Path | None, pinned: Path | None, *, as_json: bool) -> None:
    """Recompute everything from the files alone: 0 intact, 6 tampered, 7 unreadable."""
    try:
        log = open_log(settings_of(data))
        kept = parse(pinned.read_text(errors="replace"), log.key, log.origin) if pinned else None
    except (KeyFileUnsafe, CheckpointInvalid) as failure:
        fail(str(failure), EXIT_UNAVAILABLE)
    report = verify(log.tiles, spools=log.spools, index=log.index, key=log.key, origin=log.origin, pinned=kept)
    findings = [{"kind": one.kind, "leaf": one.leaf, "what": one.what} for one in report.findings]
    facts: dict[str, Any] = {
        "status": report.status,
        "records": report.records,
        "root": report.root,
        "findings": findings,
    }
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        click.echo(f"{report.status}: {report.records} records, root {report.root}")
        for finding in findings:
            click.echo(f"  record {finding['leaf']}: {finding['kind']}: {finding['what']}")
    sys.exit({"intact": 0, "tampered": EXIT_INTEGRITY}.get(report.status, EXIT_UNAVAILABLE))


@click.command("restore")
@click.option("--from", "repository", type=_FOLDER, required=True, help="The repository of backups.")
@click.option("--outside", type=_FOLDER, required=True, help="Where the checkpoints are kept.")
@click.option("--backup-keys", type=_FOLDER, required=True, help="What opens and signs backups.")
@click.option("--keys", type=_FOLDER, required=True, help="A copy of the city's keys/ and issuer/seal.key.")
@click.option("--into", type=click.Path(path_type=Path), required=True, help="The data folder that is made.")
@click.option("--backup", default="", help="Which; the newest if not given.")
@click.option("--json", "as_json", is_flag=True)
def restore_command(*, into: Path, keys: Path, backup: str, as_json: bool, **folders: Path) -> None:
    """Make a city's data folder out of a backup, offline; it is there whole and checked, or not at all."""
    settings = replace(
        settings_of(into),
        backup_repository=folders["repository"],
        backup_outside=folders["outside"],
        backup_keys=folders["backup_keys"],
    )
    try:
        manifest = restore(
            backup,
            settings.data,
            repository=recovery.repository(settings),
            engines=recovery.engines(settings, recovery.kept_key),
            signer=recovery.signing_key(settings, recovery.kept_key).public,
            kept=recovery.kept_keys(keys, clock=clock),
            report_step=lambda step: click.echo(f"  {step} …", err=True),
        )
    except FileExistsError as failure:
        fail(str(failure), EXIT_CONFLICT)
    except (BackupError, AuditError, CryptoError, OSError) as failure:
        fail(f"not restored: {failure}", EXIT_INTEGRITY if isinstance(failure, _UNSOUND) else EXIT_UNAVAILABLE)
    facts = {"data": str(settings.data), "backup": manifest.id, "rows": manifest.rows, "bytes": manifest.bytes}
    text = f"restored: {manifest.id} into {settings.data}, {manifest.rows} rows, {manifest.bytes} bytes"
    click.echo(json.dumps(facts) if as_json else text)
