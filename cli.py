"""The commands; what asks the city for something asks it through the door, as a person."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click

from app import audit_log, clock, mint
from audit.verify import verify
from deploy.demo.found import found
from deploy.demo.up import CannotStart, Running, json_line, up
from settings import Settings, SettingsInvalid, from_environment

ROOT = Path(__file__).parent
EXIT_FAILED, EXIT_DENIED, EXIT_NOT_FOUND, EXIT_CONFLICT, EXIT_INTEGRITY, EXIT_UNAVAILABLE = 1, 3, 4, 5, 6, 7


def fail(message: str, status: int) -> NoReturn:
    """End with one line on stderr."""
    click.echo(f"citygate: {message}", err=True)
    sys.exit(status)


def configured(data: Path | None, port: int | None = None) -> Settings:
    """Settings of the environment, as overruled by options."""
    try:
        settings = from_environment()
        return replace(settings, data=(data or settings.data).resolve(), port=port or settings.port)
    except SettingsInvalid as invalid:
        fail(str(invalid), click.UsageError.exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """citygate 城门: one door, one law, proven."""


@cli.command("up")
@click.option("--port", type=int, help="The one public port; operations listen on the next.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the city lives.")
@click.option("--nginx", is_flag=True, help="Behind nginx: two portals by auth_request, the rest inline.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
def up_command(port: int | None, data: Path | None, *, nginx: bool, as_json: bool) -> None:
    """Start the demo city; Ctrl-C stops it."""
    settings = configured(data, port)
    people = found(settings, clock=clock, mint=mint)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with up(settings, people, nginx=nginx) as running:
            click.echo(json_line(running) if as_json else told(running))
            sys.stdout.flush()
            running.keep()
    except KeyboardInterrupt:
        click.echo("citygate: stopped", err=True)
    except CannotStart as failure:
        fail(str(failure), EXIT_CONFLICT)


def told(running: Running) -> str:
    """What a person needs to begin."""
    facts = running.told()
    lines = ["citygate is up. Ctrl-C stops it; the data stays.", "", f"  console   {facts['console']}"]
    lines += [f"  {portal['name']:9} {portal['url']}" for portal in facts["portals"]]
    lines += ["", "  login    password             one-time secret                   who"]
    lines += [f"  {p['login']:8} {p['password']:20} {p['totp_secret']}  {p['name']} {p['role']}" for p in facts["people"]]
    return "\n".join(lines)


@cli.command("test", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test_command(arguments: tuple[str, ...]) -> None:
    """Run every test (or what pytest ARGUMENTS select)."""
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT))


@cli.command("check")
def check_command() -> None:
    """Format, lint, types, import directions."""
    for command in (("ruff", "format", "--check"), ("ruff", "check"), ("mypy",), ("lint-imports",)):
        if subprocess.call([Path(sys.executable).with_name(command[0]), *command[1:]], cwd=ROOT):
            sys.exit(EXIT_FAILED)


@cli.command("bench")
@click.argument("name", type=click.Choice(["decisions"]))
@click.option("--json", "as_json", is_flag=True)
def bench_command(name: str, *, as_json: bool) -> None:
    """Measure, beside a baseline or a peer in the same run."""
    from loadtests import decisions  # its peers are slow to import

    sys.exit({"decisions": decisions.main}[name](as_json))


@cli.group("audit")
def audit_group() -> None:
    """Search the log and prove it intact."""


@audit_group.command("verify")
@click.option("--data", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def audit_verify(data: Path | None, *, as_json: bool) -> None:
    """Recompute everything from the files alone: 0 intact, 6 tampered, 7 unreadable."""
    settings = configured(data)
    log = audit_log(settings)
    report = verify(log=log.folder, spools=settings.data / "audit/spools", index=log.index, key=log.key, origin=log.origin)
    findings = [{"kind": one.kind, "leaf": one.leaf, "what": one.what} for one in report.findings]
    facts: dict[str, Any] = {"status": report.status, "records": report.records, "root": report.root, "findings": findings}
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        click.echo(f"{report.status}: {report.records} records, root {report.root}")
        for finding in findings:
            click.echo(f"  record {finding['leaf']}: {finding['kind']}: {finding['what']}")
    sys.exit({"intact": 0, "tampered": EXIT_INTEGRITY}.get(report.status, EXIT_UNAVAILABLE))


if __name__ == "__main__":
    cli()
