"""Why: the conditions of a decision, each with what there is and what it would take, as plain data for a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from authz.decide import lacks_approver
from authz.facts import Facts
from authz.label import Label
from authz.policy import PolicySet, Rule
from authz.request import AccessRequest


class Law(StrEnum):
    """The conditions of a permit, in the order in which `decide` reads them. Each value is the reason of the denial
    when that condition fails.
    """

    DENY = "explicit-deny"
    RULE = "no-rule"
    SYSTEM = "system"
    ZONE = "zone"
    CLEARANCE = "clearance"
    CEILING = "assurance"
    APPROVER = "approver"
    OWN_APPROVAL = "own-approval"
    APPROVER_RIGHT = "approver-lost-right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a permit: what there is (`value`), what it would take (`needed`), and whether that is enough
    (`ok`).
    """

    law: Law
    value: str
    needed: str
    ok: bool


def explain(policies: PolicySet, request: AccessRequest) -> tuple[Condition, ...]:
    """Return the conditions of a decision in the order in which `decide` reads them.

    If all of them are ok, `decide` permits; else the first that is not ok is its reason. A condition that cannot be
    judged is left out: without a rule there is no clearance. Never raises for a well-formed request.
    """
    matching = policies.matching(request)
    clearances = [clearance for _, clearance in matching.permits]
    return (*_conditions(policies.facts, request, matching.denies, clearances), *_second_person(policies, request))


def _conditions(
    facts: Facts, request: AccessRequest, denies: Sequence[Rule], clearances: Sequence[Label]
) -> Iterable[Condition]:
    label = facts.label_of(request)
    needed = str(int(label))
    yield Condition(law=Law.DENY, value=denies[0].id if denies else "", needed="", ok=not denies)
    yield Condition(law=Law.RULE, value=str(len(clearances)), needed="1", ok=bool(clearances))
    for one in facts.standings(request):
        yield Condition(law=Law(one.place), value=one.value, needed=one.needed, ok=one.ok)
    if clearances:
        best = max(clearances)
        yield Condition(law=Law.CLEARANCE, value=str(int(best)), needed=needed, ok=best >= label)
    ceiling = request.ceiling
    yield Condition(law=Law.CEILING, value=str(int(ceiling)), needed=needed, ok=ceiling >= label)


def _second_person(policies: PolicySet, request: AccessRequest) -> Iterable[Condition]:
    approval = request.approval
    if approval is None:
        return
    lacking, approver = lacks_approver(policies, request, approval), approval.approver
    yield Condition(law=Law.APPROVER, value=approver, needed=approval.action, ok=lacking != Law.APPROVER)
    if approver:
        yield Condition(law=Law.OWN_APPROVAL, value=approver, needed="", ok=lacking != Law.OWN_APPROVAL)
    if approver and lacking != Law.OWN_APPROVAL:
        ok = lacking != Law.APPROVER_RIGHT
        yield Condition(law=Law.APPROVER_RIGHT, value=approver, needed=approval.action, ok=ok)
