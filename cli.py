"""The commands; what asks the city for something asks it through the door, as a person."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import pyotp

from app import audit_log, clock, mint
from audit.checkpoint import parse
from audit.errors import CheckpointInvalid
from audit.verify import verify
from client import (
    EXIT_CONFLICT,
    EXIT_FAILED,
    EXIT_INTEGRITY,
    EXIT_NOT_FOUND,
    EXIT_UNAVAILABLE,
    Door,
    configured,
    door,
    fail,
    receipt_line,
    table,
)
from crypto.errors import KeyFileUnsafe
from deploy.demo.found import found
from deploy.demo.up import Running, json_line, up
from deploy.supervise import CannotStart
from gateway.errors import InvalidRoute
from gateway.routes import RouteTable, load_routes

ROOT = Path(__file__).parent


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
    settings = configured(data, port)
    people = found(settings, clock=clock, mint=mint)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with up(settings, people, nginx=nginx) as running:
            click.echo(json_line(running) if as_json else told(running))
            sys.stdout.flush()
            running.supervisor.keep()
    except KeyboardInterrupt:
        click.echo("citygate: stopped", err=True)
    except CannotStart as failure:
        fail(str(failure), EXIT_CONFLICT)


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


@cli.command("code")
@click.argument("login")
@click.option("--data", type=click.Path(path_type=Path), help="Where the city lives.")
def code_command(login: str, data: Path | None) -> None:
    """The one-time code of a demo person now, for whoever has no authenticator app at hand."""
    people = found(configured(data), clock=clock, mint=mint)
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
    people = found(configured(data), clock=clock, mint=mint, keep_secrets=False)
    facts = {"data": str(data.resolve()), "people": people}
    click.echo(
        json.dumps(facts, ensure_ascii=False)
        if as_json
        else table(people, ("login", "role", "password", "totp_secret"))
    )


@cli.group("people")
def people_group() -> None:
    """Who works in a department."""


@people_group.command("list")
@click.argument("department")
@click.option("--q", default="", help="Beginning of a name or login.")
@door("department-administrator")
def people_list(door: Door, department: str, q: str) -> None:
    """The people of a department and those below it."""
    answer = door.ask("GET", f"/api/v1/departments/{department}/people?{urlencode({'q': q})}")
    door.tell(answer, table(answer["items"], ("login", "name", "department", "id")))


@cli.group("role")
def role_group() -> None:
    """Give and take role assignments."""


@role_group.command("assign")
@click.argument("department")
@click.argument("login")
@click.argument("role")
@click.option("--clearance", type=click.IntRange(1, 5), default=2, show_default=True)
@click.option("--until", required=True, help="RFC 3339, for example 2027-01-31T23:59:59+08:00.")
@click.option("--reason", required=True)
@door("department-administrator")
def role_assign(door: Door, department: str, login: str, role: str, **given: Any) -> None:
    """Give ROLE to LOGIN in DEPARTMENT; ends when every gateway decides by it."""
    body = {"role": role, "clearance": given["clearance"], "expires_at": given["until"], "reason": given["reason"]}
    path = f"/api/v1/departments/{department}/people/{door.person(department, login)}/assignments"
    answer = door.ask("POST", path, body)
    door.tell(answer, f"given: {answer['id']}, {receipt_line(answer['receipt'])}")


@role_group.command("list")
@click.argument("department")
@click.argument("login")
@door("department-administrator")
def role_list(door: Door, department: str, login: str) -> None:
    """What LOGIN holds in DEPARTMENT and below."""
    answer = door.ask("GET", f"/api/v1/departments/{department}/people/{door.person(department, login)}/assignments")
    door.tell(answer, table(answer["items"], ("id", "role", "department", "clearance", "expires_at", "given_by")))


@role_group.command("revoke")
@click.argument("department")
@click.argument("login")
@click.argument("assignment")
@door("department-administrator")
def role_revoke(door: Door, department: str, login: str, assignment: str) -> None:
    """Take an assignment back; ends when no gateway decides by it any more."""
    path = f"/api/v1/departments/{department}/people/{door.person(department, login)}/assignments/{assignment}"
    answer = door.ask("DELETE", path)
    door.tell(answer, f"taken back: {assignment}, {receipt_line(answer['receipt'])}")


@cli.group("session")
def session_group() -> None:
    """One's own sessions."""


@session_group.command("end-all")
@door("citizen")
def session_end_all(door: Door) -> None:
    """Sign out everywhere."""
    answer = door.ask("DELETE", "/api/v1/sessions")
    door.tell(answer, f"{answer['ended']} sessions ended, {receipt_line(answer['receipt'])}")


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


@cli.group("audit")
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
    answer = door.ask("GET", f"/api/v1/audit/events?{urlencode(query)}")
    door.tell(answer, table(answer["items"], ("leaf", "at", "result", "action", "subject", "object")))


@audit_group.command("verify")
@click.option("--data", type=click.Path(path_type=Path))
@click.option("--pinned", type=click.Path(exists=True, path_type=Path), help="A checkpoint that was kept outside.")
@click.option("--json", "as_json", is_flag=True)
def audit_verify(data: Path | None, pinned: Path | None, *, as_json: bool) -> None:
    """Recompute everything from the files alone: 0 intact, 6 tampered, 7 unreadable."""
    try:
        log = audit_log(configured(data))
        kept = parse(pinned.read_text(), log.key, log.origin) if pinned else None
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


if __name__ == "__main__":
    cli(prog_name="citygate")
