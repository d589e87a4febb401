"""Asking for machines, changing them, setting quotas, and the job that finishes what was cut off; for page and API."""

from idp.directory import Directory, subtree
from infra.machines import DELETED, RUNNING, STOPPED, Machine, MachineOrder, Machines
from infra.parts import Infrastructure
from infra.quota import QuotaTree, Size
from infra.quotas import Quotas
from storage.act import Act

STATES = {"start": RUNNING, "stop": STOPPED, "delete": DELETED}
_NAMED = 10  # in a record


def request_machine(machines: Machines, act: Act, order: MachineOrder) -> Machine:
    """Allocate and start what `order` says; return the machine. Raises as `Machines.request`."""
    machine = machines.request(order, act)
    act.note({"machine": machine.id, "host": machine.host, "state": machine.state})
    return machine


def change_machine(
    machines: Machines, directory: Directory, act: Act, *, department: str, machine: str, verb: str
) -> Machine:
    """Bring a machine of `department`, or of one below it, where `verb` of STATES says; return it.

    Raises as `Machines.change`.
    """
    inside = subtree(directory.departments(), department)
    changed = machines.change(machine, STATES[verb], act, inside=inside)
    act.note({"machine": changed.id, "state": changed.state})
    return changed


def set_quota(quotas: Quotas, act: Act, department: str, size: Size) -> QuotaTree:
    """Give `department` a quota out of what the one above it has left; return the tree. Raises QuotaConflict."""
    return quotas.set(department, size, act)


def settle_infrastructure(infra: Infrastructure, act: Act) -> int:
    """Close flows that ran out, finish machines that were cut off, and note what went astray; return of how many.

    A flow that ran out is closed whether or not the hypervisor answers. Raises HypervisorUnavailable,
    DataPlaneRefused, DataPlaneUnavailable.
    """
    try:
        settled = infra.machines.reconcile(act)
        strays = dict(infra.machines.strays())
    finally:
        if replaced := infra.zones.keep():
            named = [f"{deviation.where}: {deviation.found or deviation.wanted}" for deviation in replaced[:_NAMED]]
            act.note({"replaced": "; ".join(named)})
    if strays:
        act.note({"astray": ", ".join(f"{machine} {what}" for machine, what in list(strays.items())[:_NAMED])})
    return settled + len(replaced)
