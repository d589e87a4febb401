"""docs/duties.md, executed: every cell of the matrix verb × office is one request through the real `handle`."""

import itertools
from pathlib import Path

import pytest

from authz import offices
from authz.label import Label
from authz.park import ApprovalRequest
from authz.request import Missing
from city.identifiers import mint
from console.routes import console_routes
from console.signin.routes import door_routes
from gateway.routes import is_door_path
from tests.founded_city import CONSOLE, Answer, CityDoor, tomorrow
from tests.personas import catalogue_asks, grading_asks, infra_asks

DUTIES = Path(__file__).parents[2] / "docs/duties.md"
# column → who asks (of the demo city), and in which department
COLUMNS = {
    "nobody": ("", "civil"),
    "citizen": ("wang", "civil"),
    "staff": ("zhao", "civil-registry"),
    "department administrator, own": ("qian", "civil-registry"),
    "department administrator, other": ("qian", "housing"),
    "system administrator": ("zhou", "civil"),
    "security administrator": ("zheng", "civil"),
    "audit administrator": ("chen", "civil"),
    "clock-job": ("clock-job", "civil"),
}
_LATER = itertools.count(30)  # each role given lasts longer than the one before: it gives something


def matrix() -> dict[tuple[str, str], dict[str, str]]:
    """(method, path) → column → cell."""
    lines = [line for line in DUTIES.read_text().splitlines() if line.startswith("| ")]
    header, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.count("|") > 8]
    assert header[2:] == list(COLUMNS)
    told = {}
    for row in rows:
        method, path = row[1].strip("`").split(" ", 1)
        told[method, path] = dict(zip(header[2:], row[2:], strict=True))
    return told


def verbs(routes) -> dict[tuple[str, str], str]:
    return {(method, route.path): action for route in routes for method, action in route.actions.items()}


CELLS = [(method, path, column) for method, path in matrix() for column in COLUMNS]


@pytest.mark.parametrize(("method", "path", "column"), CELLS, ids=[f"{m} {p} as {c}" for m, p, c in CELLS])
def test_an_office_may_do_exactly_what_the_document_says(door: CityDoor, method: str, path: str, column: str) -> None:
    answer = ask(door, method, path, column)
    expected = matrix()[method, path][column]
    if expected == "yes":
        assert answer.status < 400, answer
    elif expected == "second person":
        assert (answer.status, answer.json["missing"]) == (403, "approver"), answer
    else:
        assert expected == "–", "a cell says yes, second person or –"
        assert answer.status == (401 if column == "nobody" else 403), answer
        assert (answer.json["code"], answer.json["reason"] == "approver") == ("access-denied", False)


def test_the_document_lists_every_verb_of_the_desks_and_no_other() -> None:
    listed = {line.split("|")[2].strip().strip("`"): line.split("|")[1].strip() for line in rows_of_the_matrix()}
    desks = [route for route in console_routes(CONSOLE) if not is_door_path(route.path)]
    assert listed == {f"{method} {path}": action for (method, path), action in verbs(desks).items()}


def test_what_the_door_itself_serves_is_public_and_listed() -> None:
    routes = [*door_routes([CONSOLE]), *(route for route in console_routes(CONSOLE) if is_door_path(route.path))]
    assert all(route.public and is_door_path(route.path) for route in routes)
    text = DUTIES.read_text()
    assert all(f"`{method} {path}`" in text for method, path in verbs(routes))


def test_what_audits_changes_nothing() -> None:
    mine = [rule for rule in offices.RULES if rule.subject == offices.AUDIT_ADMINISTRATOR]
    assert {rule.action for rule in mine} == {"audit:read", "backup:read"}
    reached = {
        m for (m, path), action in verbs(console_routes(CONSOLE)).items() if action == "audit:read" or "/audit" in path
    }
    assert reached == {"GET"}


def test_who_runs_the_platform_runs_its_issuer_and_reads_nobodys_data() -> None:
    mine = {rule.action for rule in offices.RULES if rule.subject == offices.SYSTEM_ADMINISTRATOR}
    keeps = {f"machine:{verb}" for verb in ("read", "approve", "start", "stop", "delete")}
    backups = {"backup:read", "backup:run", "backup:drill"}
    assert mine == {"issuer:read", "issuer:apply", "zone:read", "zone:apply", "quota:set"} | keeps | backups


def test_only_the_two_who_give_roles_reach_the_verbs_that_do() -> None:
    for verb in ("role:assign", "role:revoke"):
        able = {rule.subject for rule in offices.RULES if rule.action == verb}
        assert able == {offices.DEPARTMENT_ADMINISTRATOR, offices.SECURITY_ADMINISTRATOR}


def rows_of_the_matrix() -> list[str]:
    return [line for line in DUTIES.read_text().splitlines() if line.startswith("| ") and line.count("`") == 2]


def ask(door: CityDoor, method: str, path: str, column: str) -> Answer:
    """The request that succeeds if it is permitted."""
    who, department = COLUMNS[column]
    if catalogue_asks.is_ours(path):
        return catalogue_asks.ask(door, method, path, who, department)
    if grading_asks.is_ours(path):
        return grading_asks.ask(door, method, path, who)
    if infra_asks.is_ours(path):
        return infra_asks.ask(door, method, path, who, department)
    person = "sun" if department == "housing" else "zhao" if who != "zhao" else "qian"
    values = {"department": department, "person": door.ids[person], "leaf": "0", "job": "sweep"}
    if "{assignment}" in path:
        values["assignment"] = given(door)
    if "{session}" in path:
        door.sign_in(who if who in door.ids else "wang")
        values["session"] = door.city.people.sessions.list_alive(door.ids.get(who, door.ids["wang"]))[0].id
    if "{leaf}" in path or path.endswith("audit"):
        door.settle()
    if "{key}" in path:
        values["key"] = made(door, department)
    if "{backup}" in path or "{drill}" in path:
        values |= {kind: begun(door, kind) for kind in ("backup", "drill")}
    if "backups" in path or "drills" in path:
        door.idle()  # one at a time
    if "{request}" in path:
        values["request"] = rotation(door, path, values) if "{key}" in path else asked_for(door, who)
    body = role(door) if method == "POST" and "/api/" in path and "assignments" in path else None
    form = {**role(door), "department": department, "until": tomorrow()[:10]} if path.endswith("assignments") else None
    if form and method == "POST" and not body:
        form |= {"until": role(door)["expires_at"][:10]}
        return door.ask(method, path.format(**values), who, form=form)
    if "/keys" in path or "key-suite" in path:
        body = {"name": f"key-{next(_LATER)}", "usage": "encrypt"} if path.endswith("/keys") else {"suite": "guomi"}
        body = body if method in ("POST", "PUT") and not path.endswith("rotate") else None
        body = {"verdict": "approve"} if "{request}" in path else body
    return door.ask(method, path.format(**values), who, json=body)


def begun(door: CityDoor, kind: str) -> str:
    """One that has ended, whatever came of it."""
    door.idle()
    known = door.city.rooms.backups.book.page(kind, limit=1)
    return known[0].id if known else door.work(kind)["id"]


def role(door: CityDoor) -> dict[str, str]:
    return {"role": "marriage-clerk", "clearance": "2", "expires_at": tomorrow(next(_LATER)), "reason": "duty"}


def asked_for(door: CityDoor, who: str) -> str:
    """A request of theirs that waits for a second person."""
    wanted = ApprovalRequest(department="city", object="/x", action="x:do", approve_action="x:approve", label=Label.L2)
    subject = door.ids.get(who, "user:nobody")
    return door.city.deciding.parking.park(
        subject=subject, host=CONSOLE, missing=Missing.APPROVER, method="POST", target="/x", headers=(), body=b"",
        record=mint(), approval_request=wanted,
    ).id  # fmt: skip


def made(door: CityDoor, department: str) -> str:
    """A key of the department."""
    name = f"key-{next(_LATER)}"
    answer = door.ask("POST", f"/api/v1/departments/{department}/keys", "feng", json={"name": name, "usage": "encrypt"})
    assert answer.status == 201, answer
    return name


def rotation(door: CityDoor, path: str, values: dict[str, str]) -> str:
    """A rotation that feng asked for, where it is approved."""
    target = path.removesuffix("/approve/{request}").format(**values)
    return door.ask("POST", target, "feng").json["request"]


def given(door: CityDoor) -> str:
    """A role that zhao holds, to be taken back."""
    target = f"/api/v1/departments/civil-registry/people/{door.ids['zhao']}/assignments"
    answer = door.ask("POST", target, "qian", json=role(door))
    assert answer.status == 201, answer
    return answer.json["id"]
