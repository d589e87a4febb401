"""Commands of the log: search it and hold rows against it through the door, verify it from its files alone."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from audit.checkpoint import parse
from audit.errors import CheckpointInvalid
from audit.verify import verify
from city.records import open_log
from commands.client import EXIT_INTEGRITY, EXIT_UNAVAILABLE, Door, configured, door, fail, table, target
from crypto.errors import KeyFileUnsafe


@click.group("audit")
def audit_group() -> None:
    """Search the log and prove it intact."""


@audit_group.command("search")
@click.option("--who", default="", help="A name, a login or a subject id.")
@click.option("--object", "object_", default="")
@click.option("--result", default="")
@click.option("--since", default="", help="A day, 2026-12-31.")
@click.option("--until", default="")
@click.option("--request", "request_", default="", help="A request's number, as its pages show it.")
@door("audit-administrator")
def audit_search(door: Door, object_: str, request_: str, **asked: str) -> None:
    """Newest first; the search is itself recorded."""
    query = {name: text for name, text in {**asked, "object": object_, "request": request_}.items() if text}
    answer = door.ask("GET", target("/api/v1/audit/events", **query))
    door.tell(answer, table(answer["items"], ("leaf", "at", "result", "action", "subject", "object")))


@audit_group.command("reconcile")
@door("audit-administrator")
def audit_reconcile(door: Door) -> None:
    """Hold every row that grants or opens against its record; 6 when one does not agree."""
    answer = door.ask("GET", "/api/v1/audit/reconcile")
    told = f"{answer['rows']} rows, {answer['recent']} too recent to judge, {answer['found']} do not agree"
    columns = ("kind", "table", "id", "record", "leaf")
    door.tell(answer, "\n".join([told, *([table(answer["items"], columns)] if answer["items"] else [])]))
    if answer["found"]:
        raise SystemExit(EXIT_INTEGRITY)


@audit_group.command("verify")
@click.option("--data", type=click.Path(path_type=Path))
@click.option(
    "--pinned", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A checkpoint that was kept outside."
)
@click.option("--json", "as_json", is_flag=True)
def audit_verify(data: Path | None, pinned: Path | None, *, as_json: bool) -> None:
    """Recompute everything from the files alone: 0 intact, 6 tampered, 7 unreadable."""
    try:
        log = open_log(configured(data))
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
