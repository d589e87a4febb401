"""`/api/v1` of machines and quotas, and what they cost."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import RAISE, Schema, fields

from audit.city_time import CITY_TIME
from audit.event import timestamp
from console.machines.acts import change_machine, request_machine, set_quota
from console.machines.answers import quota_meters, shortage_answer
from console.machines.forms import size_of, wrong_with_machine, wrong_with_size
from console.shell.act import current_act
from console.shell.paging import PageQuery
from console.shell.problem import refuse_with
from console.shell.views import ApiViews
from idp.directory import Directory, subtree
from infra.errors import QuotaConflict, QuotaExceeded
from infra.machines import PAGE, Machine, MachineOrder, Machines
from infra.parts import Infrastructure
from infra.quota import Size
from infra.quotas import Quotas
from infra.statement import statement

_DEPARTMENT = "/api/v1/departments/{department}"
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


def machines(machines: Machines, directory: Directory) -> ApiViews:
    """Machines of a department and those below it."""
    routes = ApiViews("machines-api", __name__, url_prefix=_DEPARTMENT)

    @routes.route("/machines")
    class MachineList(MethodView):
        @routes.arguments(PageQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> dict[str, Any]:
            """One page of those that are not deleted."""
            page = machines.list_existing(subtree(directory.departments(), department), after=query["cursor"])
            return {
                "items": [_machine_json(machine) for machine in page],
                "next_cursor": page[-1].id if len(page) == PAGE else None,
                "hypervisor": machines.hypervisor.name,
            }

    @routes.route("/zones/{zone}/systems/{system}/machines")
    class MachineRequest(MethodView):
        @routes.arguments(MachineBody)
        def post(
            self, body: dict[str, Any], department: str, zone: str, system: str
        ) -> Response | tuple[dict[str, Any], int]:
            """Ask for one; 201 once it has a host, and "placing" while the hypervisor has not confirmed it."""
            act = current_act()
            if errors := list(wrong_with_machine(name=body["name"], purpose=body["purpose"], size=body)):
                return refuse_with("request-invalid", errors)
            order = MachineOrder(
                name=body["name"], department=department, system=system, zone=zone, size=size_of(body),
                purpose=body["purpose"],
            )  # fmt: skip
            try:
                return _machine_json(request_machine(machines, act, order)), 201
            except QuotaExceeded as exceeded:
                return refuse_with(exceeded.code, [shortage_answer(shortage) for shortage in exceeded.shortages])

    return routes


def changes(machines: Machines, directory: Directory) -> ApiViews:
    """Starting, stopping and deleting one of them."""

    def change(department: str, machine: str, verb: str) -> dict[str, Any]:
        act = current_act()
        return _machine_json(
            change_machine(machines, directory, act, department=department, machine=machine, verb=verb)
        )

    routes = ApiViews("machine-api", __name__, url_prefix=f"{_DEPARTMENT}/machines/{{machine}}")

    @routes.route("/start")
    class MachineStart(MethodView):
        def post(self, department: str, machine: str) -> dict[str, Any]:
            """Let it run."""
            return change(department, machine, "start")

    @routes.route("/stop")
    class MachineStop(MethodView):
        def post(self, department: str, machine: str) -> dict[str, Any]:
            """Stop it; its disk stays, and costs."""
            return change(department, machine, "stop")

    @routes.route("")
    class MachineDeletion(MethodView):
        def delete(self, department: str, machine: str) -> dict[str, Any]:
            """Destroy it with its disk."""
            return change(department, machine, "delete")

    return routes


def quotas(quotas: Quotas) -> ApiViews:
    """What a department may have."""
    routes = ApiViews("quotas-api", __name__, url_prefix=f"{_DEPARTMENT}/quota")

    @routes.route("")
    class DepartmentQuota(MethodView):
        def get(self, department: str) -> dict[str, Any]:
            """Per resource: quota, taken, left; `holder` is whose quota it is."""
            tree = quotas.tree()
            return {
                "department": department,
                "holder": tree.holder(department) or None,
                "items": quota_meters(tree, department),
            }

        @routes.arguments(SizeBody)
        def put(self, body: dict[str, Any], department: str) -> Response | dict[str, Any]:
            """Give it this quota, out of what the department above has left."""
            act = current_act()
            if errors := list(wrong_with_size(body, smallest=0, largest=_LARGEST_QUOTA)):
                return refuse_with("request-invalid", errors)
            try:
                tree = set_quota(quotas, act, department, size_of(body))
            except QuotaConflict as conflict:
                errors = [shortage_answer(shortage) | {"code": conflict.code} for shortage in conflict.shortages]
                return refuse_with(conflict.code, errors)
            return {"department": department, "holder": department, "items": quota_meters(tree, department)}

    return routes


def usage(infra: Infrastructure, directory: Directory, clock: Callable[[], datetime]) -> ApiViews:
    """What a department's machines cost."""
    routes = ApiViews("usage-api", __name__, url_prefix=f"{_DEPARTMENT}/usage")

    @routes.route("")
    class MonthUsage(MethodView):
        @routes.arguments(MonthQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> Response | dict[str, Any]:
            """Hours of a month, per machine and in sum; seconds are whole."""
            now = clock()
            text = query["month"] or f"{now.astimezone(CITY_TIME):%Y-%m}"
            try:
                cost = statement(infra.database, subtree(directory.departments(), department), text, now=now)
            except ValueError:
                return refuse_with("request-invalid", [{"field": "month", "code": "month-invalid"}])
            return cost | {"until": timestamp(cost["until"])}

    return routes


def _machine_json(machine: Machine) -> dict[str, Any]:
    values = {name: getattr(machine, name) for name in Machine.__dataclass_fields__}
    return values | {"created_at": timestamp(machine.created_at)}
