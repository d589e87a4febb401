"""The decision: the law line by line, and against a loop over all rules."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from authz.decide import decide
from authz.hierarchy import Inheritance
from authz.label import Label
from authz.policy import Assignment, PolicySet, Rule
from authz.request import ANONYMOUS, AccessRequest, Approval, Decision, Effect, Missing
from loadtests.baselines import brute_force
from tests.authz.worlds import ACTIONS, NOW, SUBJECTS, World, ask, built, give, permit, requests, worlds


def said(decision: Decision) -> tuple[Effect, str, str | None, Missing | None]:
    return decision.effect, decision.reason, decision.rule, decision.missing


def test_the_empty_set_denies_everything() -> None:
    empty = PolicySet.build([], [])
    assert said(decide(empty, ask())) == (Effect.DENY, "no-rule", None, Missing.ROLE)
    assert said(decide(empty, ask(ANONYMOUS))) == (Effect.DENY, "no-rule", None, Missing.IDENTITY)


def test_a_permit_names_its_rule_its_request_and_the_version_that_answered() -> None:
    policies = PolicySet.build([permit()], [give()], version=7)
    assert decide(policies, ask()) == Decision(id="01", effect=Effect.PERMIT, reason="permit", rule="p1", version=7)


def test_deny_overrides_however_many_permit_and_whatever_the_clearance() -> None:
    deny = permit("head", "/*", "p2", effect=Effect.DENY)
    held = [give(), give("head", identifier="g2", clearance=Label.L1)]
    policies = PolicySet.build([permit(), permit("user:li", identifier="p3"), deny], held)
    assert said(decide(policies, ask(label=Label.L4))) == (Effect.DENY, "explicit-deny", "p2", None)


def test_an_expired_role_neither_permits_nor_denies() -> None:
    rules = [permit(), permit("barred", identifier="p2", effect=Effect.DENY)]
    barred = give("barred", identifier="g2", expires_at=NOW + timedelta(seconds=1))
    policies = PolicySet.build(rules, [give(), barred])
    assert decide(policies, ask()).reason == "explicit-deny"
    assert decide(policies, ask(at=NOW + timedelta(seconds=1))).reason == "permit"


def test_below_the_label_the_clearance_is_missing_and_then_the_assurance() -> None:
    policies = PolicySet.build([permit()], [give(clearance=Label.L3)])
    low = decide(policies, ask(label=Label.L4, ceiling=Label.L2))
    assert said(low) == (Effect.DENY, "clearance", "p1", Missing.CLEARANCE)
    step_up = decide(policies, ask(label=Label.L3, ceiling=Label.L2))
    assert said(step_up) == (Effect.DENY, "assurance", "p1", Missing.ASSURANCE)
    assert decide(policies, ask(label=Label.L3, ceiling=Label.L3)).effect is Effect.PERMIT


def test_the_highest_clearance_that_reaches_the_rule_counts() -> None:
    edge = Inheritance(role="head", inherits="clerk")
    held = [give(clearance=Label.L2), give("head", identifier="g2", clearance=Label.L4)]
    for order in (held, held[::-1]):
        policies = PolicySet.build([permit()], order, inherits=[edge])
        assert decide(policies, ask(label=Label.L4)).effect is Effect.PERMIT


def test_a_deny_beside_a_permit_in_the_same_words_overrides_it_in_either_order() -> None:
    pair = [permit(), permit(identifier="p2", effect=Effect.DENY)]
    for rules in (pair, pair[::-1]):
        assert decide(PolicySet.build(rules, [give()]), ask()).reason == "explicit-deny"


def test_what_everybody_may_everybody_may_and_only_at_label_one() -> None:
    policies = PolicySet.build([permit(ANONYMOUS)], [])
    for subject in (ANONYMOUS, "user:li", "service:clock"):
        assert decide(policies, ask(subject)).effect is Effect.PERMIT
        assert decide(policies, ask(subject, label=Label.L2)).reason == "clearance"
    assert decide(policies, ask(ANONYMOUS, label=Label.L2)).missing is Missing.IDENTITY


def test_a_deny_for_everybody_stops_everybody() -> None:
    policies = PolicySet.build([permit(), permit(ANONYMOUS, "/*", "p2", effect=Effect.DENY)], [give()])
    assert decide(policies, ask()).reason == "explicit-deny"


def test_a_role_holds_below_its_department_and_nowhere_else() -> None:
    rules = [permit(identifier=d, department=d) for d in ("city", "district", "street", "harbour")]
    policies = PolicySet.build(
        rules, [give(department="district")], parents={"district": "city", "street": "district", "harbour": "city"}
    )
    permitted = {d for d in ("city", "district", "street", "harbour") if decide(policies, ask(department=d)).rule}
    assert permitted == {"district", "street"}


def test_a_line_break_hides_nothing_from_a_deny_and_opens_no_exact_path() -> None:
    rules = [
        permit("user:li", "/admin/x"),
        permit("user:li", "/*", "p2"),
        permit("user:li", "/admin/*", "p3", effect=Effect.DENY),
    ]
    assert decide(PolicySet.build(rules, []), ask(path="/admin/\nx")).reason == "explicit-deny"
    assert decide(PolicySet.build(rules[:1], []), ask(path="/admin/x\n")).reason == "no-rule"


@settings(max_examples=400, deadline=None)
@given(worlds, st.lists(requests, min_size=1, max_size=20))
def test_every_decision_is_the_one_a_loop_over_all_rules_finds(world: World, asked: list[AccessRequest]) -> None:
    rules, assignments, inherits, parents = world
    policies = built(world)
    for request in asked:
        held = [one for one in assignments if one.subject == request.subject]
        decision = decide(policies, request)
        assert decision.reason == brute_force.answer(rules, held, inherits, parents, request)
        assert (decision.effect is Effect.PERMIT) == (decision.reason == "permit")


@settings(max_examples=150, deadline=None)
@given(worlds, requests)
def test_a_decision_depends_on_no_order(world: World, request: AccessRequest) -> None:
    rules, assignments, inherits, parents = world
    backwards: tuple[list[Rule], list[Assignment], list[Inheritance]] = (rules[::-1], assignments[::-1], inherits[::-1])
    assert decide(built(world), request).reason == decide(built((*backwards, parents)), request).reason


approvals = st.none() | st.builds(
    Approval,
    action=st.sampled_from(ACTIONS),
    approver=st.sampled_from(["", *SUBJECTS, "user:nobody"]),
    label=st.sampled_from(Label),
)


@settings(max_examples=400, deadline=None)
@given(worlds, st.lists(st.tuples(requests, approvals), min_size=1, max_size=20))
def test_with_a_second_person_too_every_decision_is_the_one_a_loop_finds(
    world: World, asked: list[tuple[AccessRequest, Approval | None]]
) -> None:
    policies = built(world)
    for request, approval in asked:
        wanted = replace(request, approval=approval)
        decision = decide(policies, wanted)
        assert decision.reason == brute_force.answer_with_approval(*world, wanted)
        assert (decision.effect is Effect.PERMIT) == (decision.reason == "permit")


@settings(max_examples=200, deadline=None)
@given(worlds, requests, approvals)
def test_a_second_person_only_ever_takes_away(world: World, request: AccessRequest, approval: Approval | None) -> None:
    alone, both = decide(built(world), request), decide(built(world), replace(request, approval=approval))
    assert both.effect is Effect.DENY or alone.effect is Effect.PERMIT
    if approval is None or alone.effect is Effect.DENY:
        assert both == alone


def rotation(approver: str, *more: Assignment, approving: Label = Label.L1, **request: object) -> Decision:
    rules = [permit(action="key:rotate"), permit("head", action="key:approve", identifier="p2")]
    policies = PolicySet.build(rules, [give(), *more])
    approval = Approval(action="key:approve", approver=approver, label=approving)
    return decide(policies, ask(action="key:rotate", approval=approval, **request))


def test_what_a_second_person_must_do_waits_for_one_and_then_for_nothing() -> None:
    head = give("head", "user:wang", "g2")
    assert said(rotation("", head)) == (Effect.DENY, "approver", "p1", Missing.APPROVER)
    assert rotation("user:wang", head).effect is Effect.PERMIT


def test_nobody_is_his_own_second_person_even_with_the_right_to_approve() -> None:
    assert said(rotation("user:li", give("head", identifier="g2"))) == (Effect.DENY, "own-approval", "p1", None)


def test_an_approver_counts_only_while_he_may_and_up_to_the_label() -> None:
    lost = (Effect.DENY, "approver-lost-right", "p1", Missing.APPROVER)
    gone = give("head", "user:wang", "g2", expires_at=NOW)
    low = give("head", "user:wang", "g2", clearance=Label.L2)
    elsewhere = give("head", "user:wang", "g2", department="harbour")
    for held in (gone, elsewhere):
        assert said(rotation("user:wang", held)) == lost
    assert said(rotation("user:wang", low, label=Label.L3)) == lost
    assert rotation("user:wang", low, label=Label.L2).effect is Effect.PERMIT


def test_where_asking_takes_less_than_approving_the_approver_is_held_to_the_higher_label() -> None:
    low, high = (give("head", "user:wang", "g2", clearance=label) for label in (Label.L2, Label.L3))
    assert rotation("", low, approving=Label.L3).missing is Missing.APPROVER
    assert rotation("user:wang", low, approving=Label.L3).reason == "approver-lost-right"
    assert rotation("user:wang", high, approving=Label.L3).effect is Effect.PERMIT


def test_what_would_be_denied_anyway_is_not_asked_of_a_second_person() -> None:
    head = give("head", "user:wang", "g2")
    assert rotation("", head, subject="user:zhao").reason == "no-rule"
    assert rotation("", head, ceiling=Label.L1, label=Label.L2).missing is Missing.ASSURANCE
