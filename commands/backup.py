"""Back up, list, and drill a restore, through the door; `restore` alone needs no city."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from audit.errors import AuditError
from backup.errors import BackupError, DrillFailed, ManifestInvalid, PartDamaged
from backup.restore import restore
from city import backups as recovery
from city.clock import clock
from commands.client import (
    EXIT_CONFLICT,
    EXIT_FAILED,
    EXIT_INTEGRITY,
    EXIT_UNAVAILABLE,
    Door,
    configured,
    door,
    fail,
    table,
)
from crypto.errors import CryptoError

_LOOK_SECONDS = 0.5
_UNSOUND = (AuditError, CryptoError, DrillFailed, ManifestInvalid, PartDamaged)
_LIST = ("id", "status", "started_at", "records", "rows", "bytes", "failing")


@click.group("backup")
def backup_group() -> None:
    """Backups, and whether they come back."""


@backup_group.command("run")
@door("system-administrator")
def backup_run(door: Door) -> None:
    """Make a backup now; 1 if it did not become whole."""
    ended = _done(door, "backups")
    text = f"{ended['status']}: {ended['id']}, {ended['records']} records, {ended['rows']} rows, {ended['bytes']} bytes"
    _tell(door, ended, text, good="whole")


@backup_group.command("list")
@click.option("--drills", is_flag=True, help="The drills instead.")
@door("system-administrator")
def backup_list(door: Door, *, drills: bool) -> None:
    """The newest first. That a backup is whole does not prove that it comes back."""
    answer = door.ask("GET", "/api/v1/drills" if drills else "/api/v1/backups")
    door.tell(answer, f"last verified restore: {answer['restore']}\n" + table(answer["items"], _LIST))


@backup_group.command("drill")
@door("system-administrator")
def backup_drill(door: Door) -> None:
    """Restore the newest backup into a throw-away place and check it against what is kept outside; 1 if it fails."""
    ended = _done(door, "drills")
    measured = f"RPO {ended['rpo_seconds']} s, RTO {ended['rto_seconds']} s"
    seen = f"backup {ended['backup'] or '-'}, {ended['records']} records, {ended['rows']} rows"
    _tell(door, ended, f"{ended['status']}: {seen}, {measured}", good="passed")


def _done(door: Door, resource: str) -> dict[str, Any]:
    """Begin one and look until it has ended, each step on stderr."""
    entry, step = door.ask("POST", f"/api/v1/{resource}"), ""
    while entry["status"] == "running":
        time.sleep(_LOOK_SECONDS)
        entry = door.ask("GET", f"/api/v1/{resource}/{entry['id']}")
        if entry["step"] != step:
            step = entry["step"]
            click.echo(f"  {step} …" if step else "  done", err=True)
    return entry


def _tell(door: Door, ended: dict[str, Any], text: str, *, good: str) -> None:
    failed = ended["status"] != good
    door.tell(ended, f"{text}\n  {ended['failing']}: {ended['why']}" if failed else text)
    if failed:
        raise SystemExit(EXIT_FAILED)


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


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
        configured(into),
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
