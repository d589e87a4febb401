"""Why: the way from a subject to its decision, with what is missing, as plain data for a page."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from authz.decide import decide
from authz.label import Label
from authz.policy import Assignment, PolicySet, Rule
from authz.request import AccessRequest, Decision, Effect

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_ROLES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRole:
    """One assignment of the subject, and whether it counts for this request."""

    assignment: Assignment
    roles: tuple[str, ...]  # it and what it inherits here
    inside: bool  # held in the object's department or above it
    expired: bool

    @property
    def ok(self) -> bool:
        return self.inside and not self.expired


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedRule:
    """A rule that reaches the subject and matches, with the clearance it is held with."""

    rule: Rule
    clearance: Label | None  # None for a deny: it needs none


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """subject → assignments → rules → conditions → decision; the decision is `decide`'s own."""

    request: AccessRequest
    assignments: tuple[HeldRole, ...]
    rules: tuple[ReachedRule, ...]
    conditions: tuple[Condition, ...]  # as far as they can be judged: without a rule there is no clearance
    decision: Decision
    roles: tuple[str, ...]  # who may do this here, if the subject has no such role; at most 20
    renewal: bool  # an expired assignment would be enough

    @property
    def nearest(self) -> Condition | None:
        """The first condition that fails; None for a permit."""
        return next((condition for condition in self.conditions if not condition.ok), None)


def explain(policies: PolicySet, request: AccessRequest) -> Explanation:
    """Say how `decide` comes to its answer on this request. Never raises for a well-formed request."""
    matching = policies.matching(request)
    decision = decide(policies, request)
    roles = sorted({rule.subject for rule in policies.permitting(request)}) if not matching.permits else []
    return Explanation(
        request=request,
        assignments=tuple(_held_role(policies, request, one) for one in policies.assignments_of(request.subject)),
        rules=tuple(
            [ReachedRule(rule=rule, clearance=None) for rule in matching.denies]
            + [ReachedRule(rule=rule, clearance=clearance) for rule, clearance in matching.permits]
        ),
        conditions=_conditions(request, matching.denies, [clearance for _, clearance in matching.permits]),
        decision=decision,
        roles=tuple(roles[:_ROLES_SHOWN]),
        renewal=decision.effect is Effect.DENY
        and decide(policies, replace(request, at=_BEFORE_ALL)).effect is Effect.PERMIT,
    )


def _held_role(policies: PolicySet, request: AccessRequest, assignment: Assignment) -> HeldRole:
    return HeldRole(
        assignment=assignment,
        roles=policies.roles_of(assignment.role, request.department),
        inside=assignment.department in policies.chain(request.department),
        expired=assignment.expired(request.at),
    )


def _conditions(request: AccessRequest, denies: list[Rule], clearances: list[Label]) -> tuple[Condition, ...]:
    label = str(int(request.label))
    conditions = [
        Condition(law=Law.DENY, value=denies[0].id if denies else "", needed="", ok=not denies),
        Condition(law=Law.RULE, value=str(len(clearances)), needed="1", ok=bool(clearances)),
    ]
    if clearances:
        best = max(clearances)
        conditions.append(Condition(law=Law.CLEARANCE, value=str(int(best)), needed=label, ok=best >= request.label))
    conditions.append(
        Condition(law=Law.CEILING, value=str(int(request.ceiling)), needed=label, ok=request.ceiling >= request.label)
    )
    return tuple(conditions)
