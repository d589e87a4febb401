"""The machines desk: a department's machines, the form that asks for one, and what is done with those there."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import redirect, request
from werkzeug import Response

from audit.city_time import CITY_TIME
from authz.policy import PolicySet
from authz.register import Register
from console.machines.acts import STATES, change_machine, request_machine
from console.machines.answers import quota_meters, shortage_answer
from console.machines.forms import size_of, wrong_with_machine
from console.machines.placement_form import PlacementForm
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.problem import form_status
from console.shell.views import PageViews
from gateway.problems import status_of
from idp.directory import Directory, subtree
from infra.errors import HypervisorRefused, MachineNameTaken, NoHost, QuotaExceeded
from infra.machines import RUNNING, STOPPED, Machine, MachineOrder
from infra.parts import Infrastructure
from infra.quota import RESOURCES
from infra.statement import statement


class MachinePages:
    """The views of whoever asks for machines and keeps them."""

    def __init__(
        self,
        frame: Frame,
        *,
        infra: Infrastructure,
        register: Register,
        directory: Directory,
        policies: Callable[[], PolicySet],
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        self._frame, self._machines, self._zones, self._quotas = frame, infra.machines, infra.zones, infra.quotas
        self._register, self._directory, self._database = register, directory, infra.database
        self._policies, self._clock, self._mint = policies, clock, mint

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("machines", __name__, url_prefix="/departments/{department}")
        views.get("/machines")(self.machines)
        views.get("/machines/new")(self.form)
        views.post("/zones/{zone}/systems/{system}/machines")(self.ask)
        for verb in STATES:
            views.add_url_rule(
                f"/machines/{{machine}}/{verb}", verb, self.change, methods=["POST"], defaults={"verb": verb}
            )
        return views

    def machines(self, department: str) -> Response:
        """What this department and those below it have, and what it cost this month."""
        tree, lang, now = self._directory.departments(), self._frame.lang(), self._clock()
        inside = subtree(tree, department)
        zones = {zone.id: name_in(zone, lang) for zone in self._zones.list_zones()}
        systems = {system.id: name_in(system, lang) for system in self._register.systems().values()}
        cost = statement(self._database, inside, f"{now.astimezone(CITY_TIME):%Y-%m}", now=now)
        hours = {item["machine"]: item["running_seconds"] / 3600 for item in cost["items"]}
        return self._frame.page(
            "machines.html",
            department={"id": department, "name": name_in(tree[department], lang)},
            hypervisor=self._machines.hypervisor.name,
            meters=quota_meters(self._quotas.tree(), department),
            month=cost["month"],
            total={name.removesuffix("_seconds"): spent / 3600 for name, spent in cost["total"].items()},
            machines=[
                {
                    **_row(machine, department),
                    "zone": zones.get(machine.zone, machine.zone),
                    "system": systems.get(machine.system, machine.system),
                    "hours": hours.get(machine.id, 0.0),
                }
                for machine in self._machines.list_existing(inside)
            ],
            csrf=reader().csrf,
        )

    def form(self, department: str) -> Response:
        """The form, for the system that the link names."""
        return self._form(department, request.args.get("system", ""), {})

    def ask(self, department: str, zone: str, system: str) -> Response:
        """Ask for a machine; the door has decided, and a second person has agreed."""
        act, form = current_act(), request.form
        size = {name: form.get(name, "").strip() for name in RESOURCES}
        name, purpose = form.get("name", ""), form.get("purpose", "").strip()
        if errors := list(wrong_with_machine(name=name, purpose=purpose, size=size)):
            return self._form(department, system, form, errors=errors, status=form_status(errors))
        order = MachineOrder(
            name=name, department=department, system=system, zone=zone, size=size_of(size), purpose=purpose
        )
        try:
            machine = request_machine(self._machines, act, order)
        except QuotaExceeded as exceeded:
            short = [shortage_answer(shortage) for shortage in exceeded.shortages]
            return self._form(department, system, form, short=short, status=status_of(exceeded.code))
        except (NoHost, MachineNameTaken, HypervisorRefused) as refused:
            field = "name" if isinstance(refused, MachineNameTaken) else ""
            errors = [{"field": field, "code": refused.code}]
            return self._form(department, system, form, errors=errors, status=status_of(refused.code))
        return redirect(f"/departments/{department}/machines#{machine.id}", 303)

    def change(self, department: str, machine: str, verb: str) -> Response:
        """Start, stop or delete one."""
        act = current_act()
        change_machine(self._machines, self._directory, act, department=department, machine=machine, verb=verb)
        return redirect(f"/departments/{department}/machines", 303)

    def _form(
        self,
        department: str,
        system: str,
        filled: Mapping[str, str],
        *,
        status: int = 200,
        errors: list[dict[str, str]] | None = None,
        short: list[dict[str, Any]] | None = None,
    ) -> Response:
        lang = self._frame.lang()
        form = PlacementForm(
            lang=lang, department=department, identity=reader(), policies=self._policies(),
            tree=self._quotas.tree(), zones=self._zones.list_zones(),
            systems=self._register.systems(), clock=self._clock, mint=self._mint,
        )  # fmt: skip
        return self._frame.page(
            "machine_new.html",
            status=status,
            department={"id": department, "name": name_in(self._directory.departments()[department], lang)},
            hypervisor=self._machines.hypervisor.name,
            csrf=reader().csrf,
            errors=errors or [],
            short=short or [],
            **form.context(system, filled),
        )


def _row(machine: Machine, department: str) -> dict[str, Any]:
    """A line of the table; what can be done now is what the row is ready for."""
    base = f"/departments/{department}/machines/{machine.id}"
    verbs = {RUNNING: ("stop", "delete"), STOPPED: ("start", "delete")}.get(machine.state, ())
    return {
        "id": machine.id,
        "name": machine.name,
        "host": machine.host,
        "size": machine.size,
        "purpose": machine.purpose,
        "state": machine.state,
        "wanted": machine.wanted,
        "verbs": [(verb, f"{base}/{verb}") for verb in verbs] if machine.wanted == machine.state else [],
    }
