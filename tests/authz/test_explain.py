"""The explanation: says what decide says, and what is nearest."""

from datetime import timedelta

from hypothesis import given, settings

from authz.decide import decide
from authz.explain import Law, explain
from authz.hierarchy import Inheritance
from authz.label import Label
from authz.policy import PolicySet
from authz.request import AccessRequest, Effect
from tests.authz.worlds import NOW, World, ask, built, give, permit, requests, worlds


@settings(max_examples=300, deadline=None)
@given(worlds, requests)
def test_it_agrees_with_the_decision_and_its_first_failing_condition_is_the_reason(
    world: World, request: AccessRequest
) -> None:
    policies = built(world)
    explanation = explain(policies, request)
    decision = decide(policies, request)
    assert explanation.decision == decision
    assert (explanation.nearest is None) == (decision.effect is Effect.PERMIT)
    if explanation.nearest is not None:
        assert explanation.nearest.law == decision.reason
    if decision.rule is not None:
        assert decision.rule in {reached.rule.id for reached in explanation.rules}
    assert explanation.renewal <= any(held.expired for held in explanation.assignments)


def test_the_way_leads_from_the_assignment_over_the_inherited_role_to_the_rule() -> None:
    policies = PolicySet.build(
        [permit("clerk")],
        [give("head", department="city", clearance=Label.L3), give("head", identifier="g2", department="harbour")],
        inherits=[Inheritance(role="head", inherits="clerk")],
        parents={"district": "city", "harbour": "city"},
    )
    explanation = explain(policies, ask(label=Label.L3))
    first, second = explanation.assignments
    assert (first.roles, first.ok) == (("head", "clerk"), True)
    assert (second.inside, second.ok) == (False, False)
    (reached,) = explanation.rules
    assert (reached.rule.id, reached.clearance) == ("p1", Label.L3)
    assert [(c.law, c.value, c.needed, c.ok) for c in explanation.conditions] == [
        (Law.DENY, "", "", True),
        (Law.RULE, "1", "1", True),
        (Law.CLEARANCE, "3", "3", True),
        (Law.CEILING, "5", "3", True),
    ]


def test_without_a_rule_it_names_the_roles_that_would_do() -> None:
    rules = [permit("clerk"), permit("head", "/*", "p2"), permit("barred", "/a", "p3", effect=Effect.DENY)]
    explanation = explain(PolicySet.build(rules, []), ask())
    assert explanation.nearest is not None
    assert explanation.nearest.law is Law.RULE
    assert explanation.roles == ("clerk", "head")
    assert not explanation.renewal


def test_it_says_when_an_expired_assignment_would_be_enough() -> None:
    explanation = explain(PolicySet.build([permit()], [give(expires_at=NOW - timedelta(days=1))]), ask())
    assert explanation.decision.reason == "no-rule"
    assert explanation.assignments[0].expired
    assert explanation.renewal


def test_a_deny_is_nearer_than_anything_else() -> None:
    rules = [permit(), permit("user:li", identifier="p2", effect=Effect.DENY)]
    explanation = explain(PolicySet.build(rules, [give()]), ask(label=Label.L4, ceiling=Label.L2))
    assert explanation.nearest is not None
    assert (explanation.nearest.law, explanation.nearest.value) == (Law.DENY, "p2")
