"""Quotas and what is short of them, as the page and the API show them."""

from typing import Any

from authz import offices
from infra.errors import Shortage
from infra.quota import NOTHING, RESOURCES, QuotaTree
from storage.actions import Action


def offices_for(action: Action) -> list[str]:
    """Return the offices that a rule of the product lets do this."""
    return sorted({rule.subject for rule in offices.RULES if rule.action == action})


def quota_meters(tree: QuotaTree, department: str) -> list[dict[str, Any]]:
    """Return per resource [{resource, taken, quota, left}] of the quota that `department` draws on."""
    holder = tree.holder(department)
    quota, room = tree.quotas.get(holder, NOTHING), tree.room(department)
    rows = zip(RESOURCES, quota, room, strict=True)
    return [{"resource": name, "quota": whole, "left": left, "taken": whole - left} for name, whole, left in rows]


def shortage_answer(shortage: Shortage) -> dict[str, Any]:
    """Say of what there is too little, and who can change that."""
    return {
        "field": shortage.resource,
        "code": "quota-exceeded",
        "asked": shortage.asked,
        "left": shortage.left,
        "quota": shortage.quota,
        "raised_by": offices_for(Action.QUOTA_SET),
    }
