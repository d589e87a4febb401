"""The command line: every group of commands, and what only starts other programs."""

import os
import subprocess
import sys
from pathlib import Path

import click

from commands.audit import audit_group
from commands.backup import backup_group
from commands.catalogue import app_group, resource_group, share_group
from commands.grading import assess_group, grade_group
from commands.issuer import idp_group
from commands.keys import key_group
from commands.lazy import LazyGroup
from commands.machine import machine_group, quota_group
from commands.output import EXIT_FAILED, fail
from commands.people import people_group, role_group, session_group
from commands.request import request_group
from commands.signals import heed_signals
from commands.zone import flow_group, zone_group

ROOT = Path(__file__).parents[1]
_CHECK_SECONDS = 900  # one of the tools that check
_LAZY = {
    "up": "city.operate:up_command",
    "bootstrap": "city.operate:bootstrap_command",
    "code": "city.operate:code_command",
    "restore": "city.offline:restore_command",
    "bench": "loadtests.command:bench_command",
}


@click.group(cls=LazyGroup, lazy=_LAZY, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Citygate 城门: one door, one law, proven."""


@cli.command("test", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test_command(arguments: tuple[str, ...]) -> None:
    """Run every test, two at a time (or what pytest ARGUMENTS select, one by one)."""
    chosen = arguments or ("--numprocesses=2", "--no-loadscope-reorder")
    heed_signals()  # and what is run instead of us begins with the defaults
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *chosen])  # noqa: S606 - itself, as a whole


@cli.command("check")
def check_command() -> None:
    """Format, lint, types, import directions."""
    for command in (("ruff", "format", "--check"), ("ruff", "check"), ("mypy",), ("lint-imports",)):
        program = str(Path(sys.executable).with_name(command[0]))
        try:
            if subprocess.call([program, *command[1:]], cwd=ROOT, timeout=_CHECK_SECONDS):
                sys.exit(EXIT_FAILED)
        except subprocess.TimeoutExpired:
            fail(f"`{command[0]}` did not end within {_CHECK_SECONDS} s", EXIT_FAILED)


@cli.group("stack", cls=LazyGroup, lazy={"up": "city.operate:stack_up_command"})
def stack_group() -> None:
    """The production topology on this machine."""


@cli.group("route", cls=LazyGroup, lazy={"check": "city.operate:route_check_command"})
def route_group() -> None:
    """The route table."""


for _group in (
    people_group,
    role_group,
    session_group,
    audit_group,
    idp_group,
    resource_group,
    app_group,
    share_group,
    request_group,
    grade_group,
    assess_group,
    backup_group,
    zone_group,
    flow_group,
    machine_group,
    quota_group,
    key_group,
):
    cli.add_command(_group)
