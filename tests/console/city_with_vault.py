"""A city with a vault: what opens it needs a second person. Test routes on the real door; `python -m` runs it for real."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace

import sqlalchemy as sa
from flask import Flask, jsonify, request

from authz.label import Label
from authz.store import rule
from city import demo as up
from city import desks, routing
from city import processes as app
from city.settings import Settings
from city.supervisor import Process
from commands.main import cli
from console.application import create_application
from console.routes import console_routes
from console.shell.act import check_csrf
from console.shell.desk import Desk
from console.shell.views import translate_path
from gateway.approval import with_approving_routes
from gateway.local import exchange
from gateway.routes import Route
from storage.database import Database

VAULTS = "/departments/{department}/vaults/{vault}"
API = f"/api/v1{VAULTS}"
RULES = (
    ("department-administrator", "vault:open"),
    ("security-administrator", "vault:open"),
    ("security-administrator", "vault:approve"),
)


def routes(host: str) -> list[Route]:
    made = [
        Route(
            host=host, path=path, system="console", department="{department}", actions={"POST": "vault:open"},
            label=Label.L3, delivery="local", approval={"vault:open": "vault:approve"},
        )
        for path in (VAULTS, API)
    ]  # fmt: skip
    return [*console_routes(host), *with_approving_routes(made)]


def application(desks: Iterable[Desk]) -> Flask:
    made = create_application(desks)

    def opened(department: str, vault: str):  # type: ignore[no-untyped-def]
        check_csrf()
        talk = exchange()
        talk.recorded.notes["vault"] = vault
        told = {"vault": vault, "approver": talk.recorded.inbound.approver, "form": request.form.to_dict()}
        return jsonify(told | {"json": request.get_json(silent=True), "department": department})

    for number, path in enumerate((VAULTS, API)):
        made.add_url_rule(translate_path(path), f"vault-{number}", opened, methods=["POST"])
    return made


def permit(database: Database) -> None:
    """The rules of the vault, as if they had been published."""
    rows = [
        {"id": f"vault-{role}-{action}-{n}", "subject": role, "department": "*", "object": object_, "action": action,
         "effect": "permit", "record": "01J"}
        for role, action in RULES
        for n, object_ in enumerate(("/console/departments/*", "/console/api/v1/departments/*"))
    ]  # fmt: skip
    with database.transaction() as connection:
        connection.execute(sa.insert(rule), rows)


def patch_city(patch) -> None:  # type: ignore[no-untyped-def]
    """Let whatever city is made next have the vault."""
    patch(routing, "console_routes", routes)
    patch(desks, "create_application", application)


def with_vault_processes(processes: Callable[..., list[Process]]) -> Callable[..., list[Process]]:
    """The same processes, but the city's is ours, and its rules are there before it starts."""

    def ours(settings: Settings, *more: object, **options: object) -> list[Process]:
        database = Database(f"sqlite:///{settings.data / 'city.db'}")
        permit(database)
        database.close()
        started = processes(settings, *more, **options)
        command = [sys.executable, "-m", "tests.console.city_with_vault", "city"]
        return [replace(one, command=command) if one.name == "city" else one for one in started]

    return ours


if __name__ == "__main__":
    if sys.argv[1] == "city":
        patch_city(setattr)
        app.main("city")
    else:
        up._processes = with_vault_processes(up._processes)
        cli()
