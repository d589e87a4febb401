"""The law of decisions as a loop over every rule: no index, and the oracle of the tests."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from authz.hierarchy import Inheritance
from authz.policy import Assignment, Rule
from authz.request import AccessRequest


@lru_cache(maxsize=1 << 18)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ["[^/]+" if part.startswith(":") else re.escape(part) for part in pattern.split("/")]
    if pattern.endswith("/*"):
        parts[-1] = ".*"
    return re.compile("/".join(parts), re.DOTALL)


def answer(
    rules: Iterable[Rule],
    held: Iterable[Assignment],
    inherits: Iterable[Inheritance],
    parents: Mapping[str, str],
    request: AccessRequest,
) -> str:
    """The reason `decide` should give; `held` are the assignments of the request's subject."""
    above = [request.department]
    while above[-1] in parents:
        above.append(parents[above[-1]])
    names = {(request.subject, 5), ("anonymous", 1)} if request.subject != "anonymous" else {("anonymous", 1)}
    for one in held:
        if one.department in above and (one.expires_at is None or request.at < one.expires_at):
            names.add((one.role, int(one.clearance)))
    edges = [(e.role, e.inherits) for e in inherits if e.department in (*above, "*")]
    while new := {(high, c) for low, high in edges for name, c in names if name == low} - names:
        names |= new
    hits = [
        (rule.effect.value, clearance)
        for rule in rules
        if rule.action == request.action and rule.department in (request.department, "*")
        if _compiled(rule.object).fullmatch(request.object)
        for name, clearance in names
        if name == rule.subject
    ]
    best = max((clearance for effect, clearance in hits if effect == "permit"), default=0)
    if any(effect == "deny" for effect, _ in hits):
        return "explicit-deny"
    return (
        "no-rule"
        if not best
        else "clearance"
        if best < request.label
        else ("assurance" if request.ceiling < request.label else "permit")
    )


def answer_with_approval(
    rules: Iterable[Rule],
    held: Iterable[Assignment],
    inherits: Iterable[Inheritance],
    parents: Mapping[str, str],
    request: AccessRequest,
) -> str:
    """The same where a second person may be needed; `held` are the assignments of everybody."""
    everybody, edges = list(held), list(inherits)

    def reason(asked: AccessRequest) -> str:
        return answer(rules, [one for one in everybody if one.subject == asked.subject], edges, parents, asked)

    if (first := reason(request)) != "permit" or request.approval is None:
        return first
    approver = request.approval.approver
    if approver in ("", request.subject):
        return "own-approval" if approver else "approver"
    label = max(request.label, request.approval.label)
    second = replace(request, subject=approver, action=request.approval.action, label=label)
    return "permit" if reason(second) in ("permit", "assurance") else "approver-lost-right"
