"""The machines desk: a department's machines, the form that asks for one, and what is done with those there."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug import Response

from audit.city_time import CITY_TIME
from authz.policy import PolicySet
from authz.register import Register
from console.machines.forms import size_of, wrong_with_machine
from console.machines.placement_form import PlacementForm, meters, told
from console.shell.act import check_csrf
from console.shell.frame import Frame
from console.shell.names import name_in
from gateway.local import exchange
from idp.directory import Directory, subtree
from infra.errors import HypervisorRefused, MachineNameTaken, NoHost, QuotaExceeded
from infra.machines import DELETED, RUNNING, STOPPED, Asked, Machine, Machines
from infra.parts import Infrastructure
from infra.quota import RESOURCES
from infra.statement import statement

STATES = {"start": RUNNING, "stop": STOPPED, "delete": DELETED}


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

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views = Blueprint("machines", __name__, url_prefix="/departments/<department>")
        views.get("/machines")(self.machines)
        views.get("/machines/new")(self.form)
        views.post("/zones/<zone>/systems/<system>/machines")(self.ask)
        for verb in STATES:
            views.add_url_rule(
                f"/machines/<machine>/{verb}", verb, self.change, methods=["POST"], defaults={"verb": verb}
            )
        return views

    def machines(self, department: str) -> Response:
        """What this department and those below it have, and what it cost this month."""
        tree, lang, now = self._directory.departments(), self._frame.lang(), self._clock()
        inside = subtree(tree, department)
        zones = {zone.id: name_in(zone, lang) for zone in self._zones.all()}
        systems = {one.id: name_in(one, lang) for one in self._register.systems().values()}
        cost = statement(self._database, inside, f"{now.astimezone(CITY_TIME):%Y-%m}", now=now)
        hours = {item["machine"]: item["running_seconds"] / 3600 for item in cost["items"]}
        return self._frame.page(
            "machines.html",
            department={"id": department, "name": name_in(tree[department], lang)},
            hypervisor=self._machines.hypervisor.name,
            meters=meters(self._quotas.tree(), department),
            month=cost["month"],
            total={name.removesuffix("_seconds"): spent / 3600 for name, spent in cost["total"].items()},
            machines=[
                {
                    **_shown(one, department),
                    "zone": zones.get(one.zone, one.zone),
                    "system": systems.get(one.system, one.system),
                    "hours": hours.get(one.id, 0.0),
                }
                for one in self._machines.living(inside)
            ],
            csrf=exchange().recorded.identity.csrf,
        )

    def form(self, department: str) -> Response:
        """The form, for the system that the link names."""
        return self._form(department, request.args.get("system", ""), {})

    def ask(self, department: str, zone: str, system: str) -> Response:
        """Ask for a machine; the door has decided, and a second person has agreed."""
        check_csrf()
        form = request.form
        size = {name: form.get(name, "").strip() for name in RESOURCES}
        name, purpose = form.get("name", ""), form.get("purpose", "").strip()
        if errors := list(wrong_with_machine(name=name, purpose=purpose, size=size)):
            return self._form(department, system, form, errors=errors, status=422)
        asked = Asked(name=name, department=department, system=system, zone=zone, size=size_of(size), purpose=purpose)
        try:
            made = placed(self._machines, asked)
        except QuotaExceeded as exceeded:
            short = [told(one) for one in exceeded.short]
            return self._form(department, system, form, short=short, status=409)
        except (NoHost, MachineNameTaken, HypervisorRefused) as refused:
            field = "name" if isinstance(refused, MachineNameTaken) else ""
            errors = [{"field": field, "code": refused.code}]
            return self._form(department, system, form, errors=errors, status=409)
        return redirect(f"/departments/{department}/machines#{made.id}", 303)

    def change(self, department: str, machine: str, verb: str) -> Response:
        """Start, stop or delete one."""
        check_csrf()
        changed(self._machines, self._directory, department, machine, verb)
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
        lang, recorded = self._frame.lang(), exchange().recorded
        form = PlacementForm(
            lang=lang, department=department, identity=recorded.identity, policies=self._policies(),
            label=recorded.matched.label, tree=self._quotas.tree(), zones=self._zones.all(),
            systems=self._register.systems(), clock=self._clock, mint=self._mint,
        )  # fmt: skip
        return self._frame.page(
            "machine_new.html",
            status=status,
            department={"id": department, "name": name_in(self._directory.departments()[department], lang)},
            hypervisor=self._machines.hypervisor.name,
            csrf=recorded.identity.csrf,
            errors=errors or [],
            short=short or [],
            **form.context(system, filled),
        )


def placed(machines: Machines, asked: Asked) -> Machine:
    """Request it under the record of the current request, and put it into the outcome. Raises as `Machines.request`."""
    talk = exchange()
    inbound, actor = talk.recorded.inbound, talk.recorded.identity.subject
    made = machines.request(asked, actor=actor, approver=inbound.approver, record=inbound.id, told=talk.recorded.notes)
    talk.recorded.notes.update({"machine": made.id, "host": made.host, "state": made.state})
    return made


def changed(machines: Machines, directory: Directory, department: str, machine: str, verb: str) -> Machine:
    """Bring one of the department's machines where `verb` says. Raises as `Machines.change`."""
    inside = subtree(directory.departments(), department)
    talk = exchange()
    now = machines.change(
        machine, STATES[verb], inside=inside, record=talk.recorded.inbound.id, told=talk.recorded.notes
    )
    talk.recorded.notes.update({"machine": now.id, "state": now.state})
    return now


def _shown(one: Machine, department: str) -> dict[str, Any]:
    """A line of the table; what can be done now is what the row is ready for."""
    base = f"/departments/{department}/machines/{one.id}"
    verbs = {RUNNING: ("stop", "delete"), STOPPED: ("start", "delete")}.get(one.state, ())
    return {
        "id": one.id,
        "name": one.name,
        "host": one.host,
        "size": one.size,
        "purpose": one.purpose,
        "state": one.state,
        "wanted": one.wanted,
        "verbs": [(verb, f"{base}/{verb}") for verb in verbs] if one.wanted == one.state else [],
    }
