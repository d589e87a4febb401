"""The form that asks for a machine, as values: the zones a system may stand in and why not, the quota, who approves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authz import offices
from authz.explain import Condition, explain
from authz.facts import Place
from authz.label import Label, ceiling_of
from authz.policy import PolicySet
from authz.register import System
from authz.request import AccessRequest
from console.shell.names import name_in
from idp.identity import Identity
from infra.errors import Short
from infra.quota import NOTHING, RESOURCES, Tree
from infra.zone import Zone
from storage.actions import Action

REQUEST, APPROVE, RAISE = Action.MACHINE_REQUEST, Action.MACHINE_APPROVE, Action.QUOTA_SET
_MINE = frozenset({Place.SYSTEM.value, Place.ZONE.value, "clearance"})  # what no second person and no code would change


def who_may(action: str) -> list[str]:
    """The offices that a rule of the product lets do this."""
    return sorted({rule.subject for rule in offices.RULES if rule.action == action})


def target(department: str, zone: str, system: str) -> str:
    """The path a request for a machine is sent to: it names whose, where and what for."""
    return f"/departments/{department}/zones/{zone}/systems/{system}/machines"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementForm:
    """Everything the page is made of, already read. The verdicts are the decision point's own."""

    lang: str
    department: str
    identity: Identity
    policies: PolicySet
    label: Label  # of the desk
    tree: Tree
    zones: Iterable[Zone]
    systems: Mapping[str, System]
    clock: Callable[[], datetime]
    mint: Callable[[], str]

    def context(self, system: str, filled: Mapping[str, str]) -> dict[str, Any]:
        """The values of machine_new.html but for `page`, `csrf` and what went wrong."""
        mine = [one for one in self.systems.values() if one.department == self.department]
        chosen = next((one for one in mine if one.id == system), mine[0] if len(mine) == 1 else None)
        zones = [self._zone(zone, chosen.id) for zone in self.zones] if chosen else []
        return {
            "systems": [{"id": one.id, "name": name_in(one, self.lang)} for one in mine],
            "system": chosen and {"id": chosen.id, "name": name_in(chosen, self.lang), "label": chosen.label},
            "zones": zones,
            "meters": meters(self.tree, self.department),
            "approvers": who_may(APPROVE),
            "filled": {name: filled.get(name, "") for name in ("name", *RESOURCES, "purpose")},
        }

    def _zone(self, zone: Zone, system: str) -> dict[str, Any]:
        path = target(self.department, zone.id, system)
        asked = AccessRequest(
            id=self.mint(), at=self.clock(), subject=self.identity.subject, department=self.department,
            object=f"/console{path}", action=REQUEST, label=self.label,
            ceiling=ceiling_of(self.identity.assurance), system=system, zone=zone.id,
        )  # fmt: skip
        against = next((one for one in explain(self.policies, asked) if _stands(one)), None)
        return {
            "id": zone.id,
            "name": name_in(zone, self.lang),
            "ceiling": zone.ceiling,
            "action": None if against else path,
            "against": against,
        }


def meters(tree: Tree, department: str) -> list[dict[str, Any]]:
    """Per resource: [{resource, taken, quota, left}] of the quota that `department` draws on."""
    holder = tree.holder(department)
    quota, left = tree.quotas.get(holder, NOTHING), tree.left(department)
    rows = zip(RESOURCES, quota, left, strict=True)
    return [{"resource": name, "quota": whole, "left": rest, "taken": whole - rest} for name, whole, rest in rows]


def told(short: Short) -> dict[str, Any]:
    """What there is too little of, and who can change that, as the page and the API say it."""
    return {
        "field": short.resource,
        "code": "quota-exceeded",
        "asked": short.asked,
        "left": short.left,
        "quota": short.quota,
        "raised_by": who_may(RAISE),
    }


def _stands(condition: Condition) -> bool:
    return not condition.ok and condition.law in _MINE
