"""The explanation: says what decide says, and what is missing first."""

from dataclasses import replace

from hypothesis import given, settings

from authz.decide import decide
from authz.explain import Condition, Law, explain
from authz.hierarchy import Inheritance
from authz.label import Label
from authz.policy import PolicySet
from authz.request import AccessRequest, Approval, Effect
from tests.authz.test_decide import approvals
from tests.authz.worlds import World, ask, built, give, permit, requests, worlds


def failing(policies: PolicySet, request: AccessRequest) -> list[Condition]:
    return [condition for condition in explain(policies, request) if not condition.ok]


@settings(max_examples=300, deadline=None)
@given(worlds, requests, approvals)
def test_it_agrees_with_the_decision_and_its_first_failing_condition_is_the_reason(
    world: World, request: AccessRequest, approval: Approval | None
) -> None:
    policies, request = built(world), replace(request, approval=approval)
    decision, missing = decide(policies, request), failing(policies, request)
    assert (not missing) == (decision.effect is Effect.PERMIT)
    if missing:
        assert missing[0].law == decision.reason


def test_a_permit_says_what_there_was_and_what_it_took() -> None:
    policies = PolicySet.build(
        [permit("clerk")],
        [give("head", department="city", clearance=Label.L3), give("head", identifier="g2", department="harbour")],
        inherits=[Inheritance(role="head", inherits="clerk")],
        parents={"district": "city", "harbour": "city"},
    )
    assert [(c.law, c.value, c.needed, c.ok) for c in explain(policies, ask(label=Label.L3))] == [
        (Law.DENY, "", "", True),
        (Law.RULE, "1", "1", True),
        (Law.CLEARANCE, "3", "3", True),
        (Law.CEILING, "5", "3", True),
    ]


def test_without_a_rule_there_is_no_clearance_to_speak_of() -> None:
    explanation = explain(PolicySet.build([permit("clerk")], []), ask())
    assert [condition.law for condition in explanation] == [Law.DENY, Law.RULE, Law.CEILING]
    assert not explanation[1].ok


def test_a_deny_comes_before_anything_else() -> None:
    rules = [permit(), permit("user:li", identifier="p2", effect=Effect.DENY)]
    first, *_ = failing(PolicySet.build(rules, [give()]), ask(label=Label.L4, ceiling=Label.L2))
    assert (first.law, first.value) == (Law.DENY, "p2")
