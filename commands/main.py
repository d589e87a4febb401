"""The command line: what starts, founds, measures and checks a city, and every group of commands."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click
import pyotp

from authz.errors import AuthzError
from city.clock import clock
from city.demo import Running, json_line, up
from city.founding import Subjects, found, local_accounts, people_of
from city.identifiers import mint
from city.settings import SettingsInvalid
from city.supervisor import CannotStart, CannotStop, heed_signals
from commands.audit import audit_group
from commands.backup import backup_group, restore_command
from commands.catalogue import app_group, resource_group, share_group
from commands.client import (
    EXIT_CONFLICT,
    EXIT_FAILED,
    EXIT_NOT_FOUND,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    configured,
    does_not_start,
    fail,
    table,
)
from commands.grading import assess_group, grade_group
from commands.issuer import idp_group
from commands.keys import key_group
from commands.machine import machine_group, quota_group
from commands.people import people_group, role_group, session_group
from commands.request import request_group
from commands.zone import flow_group, zone_group
from gateway.errors import InvalidRoute
from gateway.routes import RouteTable, load_routes
from idp.errors import IdpError
from storage.errors import StorageError

ROOT = Path(__file__).parents[1]
_CHECK_SECONDS = 900  # one of the tools that check


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Citygate 城门: one door, one law, proven."""


@cli.command("up")
@click.option("--port", type=int, help="The one public port; operations listen on the next.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the city lives.")
@click.option("--nginx", is_flag=True, help="Behind nginx: two portals by auth_request, the rest inline.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
def up_command(port: int | None, data: Path | None, *, nginx: bool, as_json: bool) -> None:
    """Start the demo city; Ctrl-C stops it."""
    heed_signals()
    settings = configured(data, port)
    try:
        people = found(settings, clock=clock, mint=mint)
    except SettingsInvalid as invalid:
        does_not_start(invalid)
    _keep(lambda: up(settings, people, nginx=nginx), as_json=as_json)


def _keep(city: Callable[[], AbstractContextManager[Running]], *, as_json: bool) -> None:
    """Start it, tell where it is, and stop it at a signal."""
    try:
        with city() as running:
            click.echo(json_line(running) if as_json else told(running))
            sys.stdout.flush()
            running.supervisor.keep()
    except KeyboardInterrupt:
        click.echo("citygate: stopped", err=True)
    except (CannotStart, CannotStop, SettingsInvalid) as failure:
        does_not_start(failure)


def told(running: Running) -> str:
    """What a person needs to begin."""
    facts = running.told()
    lines = ["citygate is up. Ctrl-C stops it; the data stays.", "", f"  console   {facts['console']}"]
    lines += [f"  {portal['name']:9} {portal['url']}" for portal in facts["portals"]]
    people = table(facts["people"], ("login", "password", "totp_secret", "name", "role"))
    return "\n".join([*lines, "", *(f"  {line}" for line in people.splitlines())])


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


@cli.command("bench")
@click.argument("name", type=click.Choice(["decisions", "crypto", "infra", "backup", "gateway", "login", "revocation"]))
@click.option("--profile", type=click.Choice(["embedded", "stack"]), default="embedded", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def bench_command(name: str, *, profile: str, as_json: bool) -> None:
    """Measure, beside a baseline or a peer in the same run; 1 if an answer was wrong."""
    from loadtests.meter import CannotMeasure

    bench = importlib.import_module(f"loadtests.{name}")  # only this one: their peers are slow to import
    try:
        sys.exit(bench.main(as_json) if name in ("decisions", "crypto", "infra") else bench.main(as_json, profile))
    except (CannotMeasure, CannotStart) as failure:
        does_not_start(failure)


@cli.command("code")
@click.argument("login")
@click.option("--data", type=click.Path(path_type=Path), help="Where the city lives.")
def code_command(login: str, data: Path | None) -> None:
    """The one-time code of a demo person now, for whoever has no authenticator app at hand."""
    settings = configured(data)
    try:
        people = people_of(settings.data) if settings.data.exists() else found(settings, clock=clock, mint=mint)
    except SettingsInvalid as invalid:
        fail(str(invalid), EXIT_USAGE)
    seed = next((one.get("totp_secret") for one in people if one["login"] == login), None)
    if not seed:
        fail(f"no demo person `{login}` whose secret is kept here", EXIT_NOT_FOUND)
    click.echo(pyotp.TOTP(seed).now())


@cli.command("bootstrap")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Where the city will live.")
@click.option("--json", "as_json", is_flag=True)
def bootstrap_command(data: Path, *, as_json: bool) -> None:
    """Found a city once: its departments, its six administrators; a second run exits 5."""
    if data.exists():
        fail(f"`{data}` exists: a city is founded once", EXIT_CONFLICT)
    settings = configured(data)
    accounts: Subjects = local_accounts
    if settings.profile == "production":
        from city.stack.accounts import keycloak_accounts

        accounts = keycloak_accounts
    try:
        people = found(settings, clock=clock, mint=mint, keep_secrets=False, accounts=accounts)
    except (StorageError, IdpError) as failure:
        fail(f"not founded: {failure}", EXIT_UNAVAILABLE)
    except AuthzError as refused:
        fail(f"not founded: {refused.code}", EXIT_CONFLICT)
    facts = {"data": str(data.resolve()), "people": people}
    click.echo(
        json.dumps(facts, ensure_ascii=False)
        if as_json
        else table(people, ("login", "role", "password", "totp_secret"))
    )


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
    restore_command,
    zone_group,
    flow_group,
    machine_group,
    quota_group,
    key_group,
):
    cli.add_command(_group)


@cli.group("stack")
def stack_group() -> None:
    """The production topology on this machine."""


@stack_group.command("up")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The one public port.")
@click.option("--data", type=click.Path(path_type=Path), default=Path(".citygate/stack"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
def stack_up_command(port: int, data: Path, *, as_json: bool) -> None:
    """Start PostgreSQL, Redis, Keycloak, nginx, three gateways, control, sequencer, clock-job; Ctrl-C stops them."""
    from city.stack.up import Place, stack_up

    heed_signals()
    place = Place(folder=data.resolve())
    _keep(lambda: stack_up(place, port=port, cache=ROOT / ".citygate", clock=clock, mint=mint), as_json=as_json)


@cli.group("route")
def route_group() -> None:
    """The route table."""


@route_group.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def route_check(file: Path) -> None:
    """Say whether FILE is a route table that means one thing; exit 1 names what does not."""
    try:
        routes = RouteTable(load_routes(file)).routes
    except InvalidRoute as invalid:
        fail(str(invalid), EXIT_FAILED)
    click.echo(f"{len(routes)} routes")
