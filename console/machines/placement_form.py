"""The form that asks for a machine, as values: the zones a system may stand in and why not, the quota, who approves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authz.explain import Condition, explain
from authz.facts import PlaceKind
from authz.label import ceiling_of
from authz.policy import PolicySet
from authz.register import System
from authz.request import AccessRequest
from console.machines.answers import offices_for, quota_meters
from console.shell.desk_route import SECRET
from console.shell.names import name_in
from idp.identity import Identity
from infra.quota import RESOURCES, QuotaTree
from infra.zone import Zone
from storage.actions import Action

_MINE = frozenset(
    {PlaceKind.SYSTEM.value, PlaceKind.ZONE.value, "clearance"}
)  # what no second person and no code would change


def request_path(department: str, zone: str, system: str) -> str:
    """Return the path a request for a machine is sent to: it names whose, where and what for."""
    return f"/departments/{department}/zones/{zone}/systems/{system}/machines"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementForm:
    """Everything the page is made of, already read. The verdicts are the decision point's own."""

    lang: str
    department: str
    identity: Identity
    policies: PolicySet
    tree: QuotaTree
    zones: Iterable[Zone]
    systems: Mapping[str, System]
    clock: Callable[[], datetime]
    mint: Callable[[], str]

    def context(self, chosen_id: str, filled: Mapping[str, str]) -> dict[str, Any]:
        """Return the values of machine_new.html but for `page`, `csrf` and what went wrong."""
        mine = [system for system in self.systems.values() if system.department == self.department]
        chosen = next((system for system in mine if system.id == chosen_id), mine[0] if len(mine) == 1 else None)
        zones = [self._zone(zone, chosen.id) for zone in self.zones] if chosen else []
        return {
            "systems": [{"id": system.id, "name": name_in(system, self.lang)} for system in mine],
            "system": chosen and {"id": chosen.id, "name": name_in(chosen, self.lang), "label": chosen.label},
            "zones": zones,
            "meters": quota_meters(self.tree, self.department),
            "approvers": offices_for(Action.MACHINE_APPROVE),
            "filled": {name: filled.get(name, "") for name in ("name", *RESOURCES, "purpose")},
        }

    def _zone(self, zone: Zone, system: str) -> dict[str, Any]:
        path = request_path(self.department, zone.id, system)
        access = AccessRequest(
            id=self.mint(), at=self.clock(), subject=self.identity.subject, department=self.department,
            object=f"/console{path}", action=Action.MACHINE_REQUEST, label=SECRET,
            ceiling=ceiling_of(self.identity.assurance), system=system, zone=zone.id,
        )  # fmt: skip
        obstacles = (condition for condition in explain(self.policies, access) if _is_obstacle(condition))
        against = next(obstacles, None)
        return {
            "id": zone.id,
            "name": name_in(zone, self.lang),
            "ceiling": zone.ceiling,
            "action": None if against else path,
            "against": against,
        }


def _is_obstacle(condition: Condition) -> bool:
    return not condition.ok and condition.law in _MINE
