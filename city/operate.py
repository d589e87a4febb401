"""Commands that run a city on this machine: found it, start it, tell a one-time code, check its route table."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click
import pyotp

from authz.errors import AuthzError
from city.clock import clock
from city.demo import ROOT, Running, json_line, up
from city.founding import Subjects, found_city, local_accounts, people_of
from city.identifiers import mint
from city.options import fail_to_start, settings_of
from city.settings import SettingsInvalid
from city.supervisor import CannotStart, CannotStop, heed_signals
from commands.output import (
    EXIT_CONFLICT,
    EXIT_FAILED,
    EXIT_NOT_FOUND,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    fail,
    table,
)
from gateway.errors import InvalidRoute
from gateway.routes import RouteTable, load_routes
from idp.errors import IdpError
from storage.errors import StorageError


@click.command("up")
@click.option("--port", type=int, help="The one public port; operations listen on the next.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the city lives.")
@click.option("--nginx", is_flag=True, help="Behind nginx: two portals by auth_request, the rest inline.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
def up_command(port: int | None, data: Path | None, *, nginx: bool, as_json: bool) -> None:
    """Start the demo city; Ctrl-C stops it."""
    heed_signals()
    settings = settings_of(data, port)
    try:
        people = found_city(settings, clock=clock, mint=mint)
    except SettingsInvalid as invalid:
        fail_to_start(invalid)
    _keep(lambda: up(settings, people, nginx=nginx), as_json=as_json)


def _keep(city: Callable[[], AbstractContextManager[Running]], *, as_json: bool) -> None:
    """Start it, tell where it is, and stop it at a signal."""
    try:
        with city() as running:
            click.echo(json_line(running) if as_json else _welcome(running))
            sys.stdout.flush()
            running.supervisor.keep()
    except KeyboardInterrupt:
        click.echo("citygate: stopped", err=True)
    except (CannotStart, CannotStop, SettingsInvalid) as failure:
        fail_to_start(failure)


def _welcome(running: Running) -> str:
    """Return what a person needs to begin."""
    facts = running.describe()
    lines = ["citygate is up. Ctrl-C stops it; the data stays.", "", f"  console   {facts['console']}"]
    lines += [f"  {portal['name']:9} {portal['url']}" for portal in facts["portals"]]
    people = table(facts["people"], ("login", "password", "totp_secret", "name", "role"))
    return "\n".join([*lines, "", *(f"  {line}" for line in people.splitlines())])


@click.command("code")
@click.argument("login")
@click.option("--data", type=click.Path(path_type=Path), help="Where the city lives.")
def code_command(login: str, data: Path | None) -> None:
    """The one-time code of a demo person now, for whoever has no authenticator app at hand."""
    settings = settings_of(data)
    try:
        people = people_of(settings.data) if settings.data.exists() else found_city(settings, clock=clock, mint=mint)
    except SettingsInvalid as invalid:
        fail(str(invalid), EXIT_USAGE)
    seed = next((one.get("totp_secret") for one in people if one["login"] == login), None)
    if not seed:
        fail(f"no demo person `{login}` whose secret is kept here", EXIT_NOT_FOUND)
    click.echo(pyotp.TOTP(seed).now())


@click.command("bootstrap")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Where the city will live.")
@click.option("--json", "as_json", is_flag=True)
def bootstrap_command(data: Path, *, as_json: bool) -> None:
    """Found a city once: its departments, its six administrators; a second run exits 5."""
    if data.exists():
        fail(f"`{data}` exists: a city is founded once", EXIT_CONFLICT)
    settings = settings_of(data)
    accounts: Subjects = local_accounts
    if settings.profile == "production":
        from city.stack.accounts import keycloak_accounts

        accounts = keycloak_accounts
    try:
        people = found_city(settings, clock=clock, mint=mint, keep_secrets=False, accounts=accounts)
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


@click.command("up")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The one public port.")
@click.option("--data", type=click.Path(path_type=Path), default=Path(".citygate/stack"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
def stack_up_command(port: int, data: Path, *, as_json: bool) -> None:
    """Start PostgreSQL, Redis, Keycloak, nginx, three gateways, control, sequencer, clock-job; Ctrl-C stops them."""
    from city.stack.up import StackFolder, stack_up

    heed_signals()
    place = StackFolder(folder=data.resolve())
    _keep(lambda: stack_up(place, port=port, cache=ROOT / ".citygate", clock=clock, mint=mint), as_json=as_json)


@click.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def route_check_command(file: Path) -> None:
    """Say whether FILE is a route table that means one thing; exit 1 names what does not."""
    try:
        routes = RouteTable(load_routes(file)).routes
    except InvalidRoute as invalid:
        fail(str(invalid), EXIT_FAILED)
    click.echo(f"{len(routes)} routes")
