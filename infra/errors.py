"""What can be refused where machines and zones are handed out.

InfraError
├── ZoneUnknown            no such zone
├── FlowUnknown            no such flow is open
├── FlowExists             this flow is open already
├── MachineUnknown         no such machine in this department, or it is deleted
├── MachineNameTaken       another machine of the department has this name
├── MachineBusy            the machine is still on its way to what was asked before
├── ZoneTooLow             the machine's system was graded above the ceiling of its zone since it was placed
├── QuotaExceeded          the department has less left than is asked for
├── QuotaConflict          a quota below what is handed out, or above what the department over it has left
├── NoHost                 no host of the zone has room
├── HypervisorUnavailable  the hypervisor does not answer; what was asked will be done, or undone, later
├── HypervisorRefused      the hypervisor will not do that
├── DataPlaneUnavailable   the data plane does not answer, or a program it needs is missing
└── DataPlaneRefused       the data plane took none of the new rules; the old ones hold
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class InfraError(Exception):
    """Base of everything this package raises."""

    code = "infra"


class ZoneUnknown(InfraError):
    """No zone has this id."""

    code = "zone-unknown"


class FlowUnknown(InfraError):
    """Nothing is open from there to there."""

    code = "flow-unknown"


class FlowExists(InfraError):
    """The same zones, protocol and port are open already; close that flow first, or let it run out."""

    code = "flow-exists"


class MachineUnknown(InfraError):
    """The machine is not there, is deleted, or is another department's: one answer for all."""

    code = "machine-unknown"


class MachineNameTaken(InfraError):
    """Names are a department's own, and one machine's at a time."""

    code = "machine-name-taken"


class ZoneTooLow(InfraError):
    """The label of its system is above the ceiling of the zone it stands in: it may only be deleted."""

    code = "zone-too-low"


class MachineBusy(InfraError):
    """What was asked for before is not done yet."""

    code = "machine-busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A resource there is too little of: in CPUs, or GiB."""

    resource: str
    asked: int
    left: int
    quota: int


class QuotaExceeded(InfraError):
    """`shortages` names each resource; `department` is whose quota it is."""

    code = "quota-exceeded"

    def __init__(self, shortages: Sequence[Shortage], *, department: str) -> None:
        super().__init__(f"quota of `{department}`: {', '.join(shortage.resource for shortage in shortages)}")
        self.shortages, self.department = tuple(shortages), department


class QuotaConflict(InfraError):
    """The tree would promise more than there is."""

    code = "quota-conflict"

    def __init__(self, shortages: Sequence[Shortage], *, department: str) -> None:
        super().__init__(f"quota of `{department}`: {', '.join(shortage.resource for shortage in shortages)}")
        self.shortages, self.department = tuple(shortages), department


class NoHost(InfraError):
    """`lacking` is, for each resource, the most that any host of the zone has free."""

    code = "no-host"

    def __init__(self, zone: str, lacking: Mapping[str, int]) -> None:
        super().__init__(f"no host of zone `{zone}` has room")
        self.zone, self.lacking = zone, dict(lacking)


class HypervisorUnavailable(InfraError):
    """Nobody knows whether it was done; doing it again is safe."""

    code = "hypervisor-unavailable"


class HypervisorRefused(InfraError):
    """It will be refused again if it is asked again."""

    code = "hypervisor-refused"


class DataPlaneUnavailable(InfraError):
    """Which rules are in force cannot be said or changed right now."""

    code = "data-plane-unavailable"


class DataPlaneRefused(InfraError):
    """The whole set of rules was refused; the one before is in force."""

    code = "data-plane-refused"
