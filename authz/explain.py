"""Why: the conditions of a decision, each with what there is and what it would take, as plain data for a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from authz.label import Label
from authz.policy import PolicySet, Rule
from authz.request import AccessRequest


class Law(StrEnum):
    """The conditions of a permit, in the order `decide` reads them; the code of the reason when it fails."""

    DENY = "explicit-deny"
    RULE = "no-rule"
    CLEARANCE = "clearance"
    CEILING = "assurance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition: what there is, what it would take, and whether that is enough."""

    law: Law
    value: str
    needed: str
    ok: bool


def explain(policies: PolicySet, request: AccessRequest) -> tuple[Condition, ...]:
    """Say how `decide` comes to its answer: a permit if all conditions hold, else the first that fails is the reason.

    As far as they can be judged: without a rule there is no clearance. Never raises for a well-formed request.
    """
    matching = policies.matching(request)
    clearances = [clearance for _, clearance in matching.permits]
    return tuple(_conditions(request, matching.denies, clearances))


def _conditions(request: AccessRequest, denies: Sequence[Rule], clearances: Sequence[Label]) -> Iterable[Condition]:
    label = str(int(request.label))
    yield Condition(law=Law.DENY, value=denies[0].id if denies else "", needed="", ok=not denies)
    yield Condition(law=Law.RULE, value=str(len(clearances)), needed="1", ok=bool(clearances))
    if clearances:
        best = max(clearances)
        yield Condition(law=Law.CLEARANCE, value=str(int(best)), needed=label, ok=best >= request.label)
    ceiling = request.ceiling
    yield Condition(law=Law.CEILING, value=str(int(ceiling)), needed=label, ok=ceiling >= request.label)
