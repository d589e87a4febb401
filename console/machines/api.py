"""`/api/v1` of machines and quotas, and the job that finishes what was cut off."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields

from audit.city_time import CITY_TIME
from audit.event import timestamp
from console.machines.forms import size_of, wrong_with_machine, wrong_with_size
from console.machines.pages import changed, placed
from console.machines.placement_form import meters, told
from console.shell.act import check_csrf
from console.shell.paging import PageQuery
from console.shell.problem import problem
from gateway.local import exchange
from idp.directory import Directory, subtree
from infra.errors import QuotaConflict, QuotaExceeded
from infra.machines import PAGE, Asked, Machine, Machines
from infra.parts import Infrastructure
from infra.quota import Size
from infra.statement import statement

_DEPARTMENT = "/api/v1/departments/<department>"
_LARGEST_QUOTA = Size(1_000_000, 100_000_000, 999_999_999)


class SizeBody(Schema):
    """CPUs, and GiB."""

    cpu = fields.Integer(required=True)
    memory_gib = fields.Integer(required=True)
    disk_gib = fields.Integer(required=True)


class MachineBody(SizeBody):
    """A machine somebody asks for."""

    name = fields.String(required=True)
    purpose = fields.String(required=True)


class MonthQuery(Schema):
    """A month, "2026-11"; the current one if not given."""

    month = fields.String(load_default="")


def machines(held: Machines, directory: Directory) -> Blueprint:
    """Machines of a department and those below it."""
    routes = Blueprint("machines-api", __name__, url_prefix=_DEPARTMENT)

    @routes.route("/machines")
    class Living(MethodView):
        @routes.arguments(PageQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> dict[str, Any]:
            """One page of those that are not deleted."""
            found = held.living(subtree(directory.departments(), department), after=query["cursor"])
            more = found[-1].id if len(found) == PAGE else None
            return {"items": [_machine(one) for one in found], "next_cursor": more, "hypervisor": held.hypervisor.name}

    @routes.route("/zones/<zone>/systems/<system>/machines")
    class Request(MethodView):
        @routes.arguments(MachineBody)
        def post(
            self, body: dict[str, Any], department: str, zone: str, system: str
        ) -> Response | tuple[dict[str, Any], int]:
            """Ask for one; 201 once it has a host, and "placing" while the hypervisor has not confirmed it."""
            check_csrf()
            if errors := list(wrong_with_machine(name=body["name"], purpose=body["purpose"], size=body)):
                return problem(422, "request-invalid", errors)
            asked = Asked(
                name=body["name"], department=department, system=system, zone=zone, size=size_of(body),
                purpose=body["purpose"],
            )  # fmt: skip
            try:
                return _machine(placed(held, asked)), 201
            except QuotaExceeded as exceeded:
                return problem(409, exceeded.code, [told(one) for one in exceeded.short])

    return routes


def changes(held: Machines, directory: Directory) -> Blueprint:
    """What is done with those that are there."""
    routes = Blueprint("machine-api", __name__, url_prefix=f"{_DEPARTMENT}/machines/<machine>")

    @routes.route("/start")
    class Start(MethodView):
        def post(self, department: str, machine: str) -> dict[str, Any]:
            """Let it run."""
            check_csrf()
            return _machine(changed(held, directory, department, machine, "start"))

    @routes.route("/stop")
    class Stop(MethodView):
        def post(self, department: str, machine: str) -> dict[str, Any]:
            """Stop it; its disk stays, and costs."""
            check_csrf()
            return _machine(changed(held, directory, department, machine, "stop"))

    @routes.route("")
    class One(MethodView):
        def delete(self, department: str, machine: str) -> dict[str, Any]:
            """Destroy it with its disk."""
            check_csrf()
            return _machine(changed(held, directory, department, machine, "delete"))

    return routes


def quotas(infra: Infrastructure) -> Blueprint:
    """What a department may have."""
    held = infra.quotas
    routes = Blueprint("quotas-api", __name__, url_prefix=f"{_DEPARTMENT}/quota")

    @routes.route("")
    class Quota(MethodView):
        def get(self, department: str) -> dict[str, Any]:
            """Per resource: quota, taken, left; `holder` is whose quota it is."""
            tree = held.tree()
            return {
                "department": department,
                "holder": tree.holder(department) or None,
                "items": meters(tree, department),
            }

        @routes.arguments(SizeBody)
        def put(self, body: dict[str, Any], department: str) -> Response | dict[str, Any]:
            """Give it this quota, out of what the department above has left."""
            check_csrf()
            if errors := list(wrong_with_size(body, smallest=0, largest=_LARGEST_QUOTA)):
                return problem(422, "request-invalid", errors)
            try:
                talk = exchange()
                tree = held.set(department, size_of(body), record=talk.recorded.inbound.id, told=talk.recorded.notes)
            except QuotaConflict as conflict:
                return problem(409, conflict.code, [told(one) | {"code": conflict.code} for one in conflict.short])
            return {"department": department, "holder": department, "items": meters(tree, department)}

    return routes


def usage(infra: Infrastructure, directory: Directory, clock: Callable[[], datetime]) -> Blueprint:
    """What a department's machines cost."""
    routes = Blueprint("usage-api", __name__, url_prefix=f"{_DEPARTMENT}/usage")

    @routes.route("")
    class Usage(MethodView):
        @routes.arguments(MonthQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> Response | dict[str, Any]:
            """Hours of a month, per machine and in sum; seconds are whole."""
            now = clock()
            text = query["month"] or f"{now.astimezone(CITY_TIME):%Y-%m}"
            try:
                cost = statement(infra.database, subtree(directory.departments(), department), text, now=now)
            except ValueError:
                return problem(422, "request-invalid", [{"field": "month", "code": "month-invalid"}])
            return cost | {"until": timestamp(cost["until"])}

    return routes


def infra_job(infra: Infrastructure) -> Callable[[str], int]:
    """What the clock-job runs: close flows that ran out, finish machines that were cut off, tell what went astray."""

    def run(record: str) -> int:
        detail = exchange().recorded.notes
        try:
            settled = infra.machines.reconcile(record=record, told=detail)
            astray = dict(infra.machines.astray())
        finally:  # a flow that ran out is closed whether or not the hypervisor answers
            if replaced := infra.zones.keep():
                detail["replaced"] = "; ".join(f"{one.where}: {one.found or one.wanted}" for one in replaced[:10])
        if astray:
            detail["astray"] = ", ".join(f"{identifier} {what}" for identifier, what in list(astray.items())[:10])
        return settled + len(replaced)

    return run


def _machine(one: Machine) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in Machine.__dataclass_fields__}
    return told | {"created_at": timestamp(one.created_at)}
