"""Systems and zones in a decision: the lowest of all ceilings counts, and what a place forbids nobody can bring."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from authz.decide import decide
from authz.explain import Law, explain
from authz.facts import Facts, SystemFact
from authz.label import Label
from authz.policy import PolicySet
from authz.request import AccessRequest, Approval, Effect
from tests.authz.worlds import DEPARTMENTS, World, ask, built, give, labels, permit, requests, worlds

SYSTEMS, ZONES = ["s1", "s2", "nowhere"], ["z1", "z2", "nowhere"]
facts = st.builds(
    Facts,
    systems=st.dictionaries(
        st.sampled_from(SYSTEMS[:2]), st.builds(SystemFact, department=st.sampled_from(DEPARTMENTS), label=labels)
    ),
    zones=st.dictionaries(st.sampled_from(ZONES[:2]), labels),
)


@settings(max_examples=400, deadline=None)
@given(worlds, requests, facts, st.sampled_from(["", *SYSTEMS]), st.sampled_from(["", *ZONES]))
def test_a_placement_is_permitted_exactly_where_label_owner_and_ceilings_allow_it(
    world: World, request: AccessRequest, known: Facts, system: str, zone: str
) -> None:
    """Against the decision without places, at the system's label: what they add is written out here."""
    bare = built(world)
    placed = replace(request, system=system, zone=zone)
    decision = decide(replace(bare, facts=known), placed)
    fact = known.systems.get(system)
    data = (fact.label if fact else Label.L5) if system else request.label
    label = max(request.label, data)
    owned = not system or (fact is not None and fact.department == request.department)
    fits = not zone or known.zones.get(zone, 0) >= data
    without = decide(bare, replace(request, label=label))
    assert (decision.effect is Effect.PERMIT) == (without.effect is Effect.PERMIT and owned and fits)
    if owned and fits:
        assert (decision.reason, decision.missing, decision.rule) == (without.reason, without.missing, without.rule)
    elif without.reason not in ("explicit-deny", "no-rule"):
        assert (decision.reason, decision.missing) == ("system" if not owned else "zone", None)


@settings(max_examples=300, deadline=None)
@given(worlds, requests, facts, st.sampled_from(["", *SYSTEMS]), st.sampled_from(["", *ZONES]))
def test_the_explanation_agrees_with_the_decision(
    world: World, request: AccessRequest, known: Facts, system: str, zone: str
) -> None:
    policies, placed = replace(built(world), facts=known), replace(request, system=system, zone=zone)
    decision = decide(policies, placed)
    failing = [one for one in explain(policies, placed) if not one.ok]
    assert (not failing) == (decision.effect is Effect.PERMIT)
    if failing:
        assert failing[0].law == decision.reason


def placed(**changes: object) -> AccessRequest:
    return replace(ask(label=Label.L2), system="s1", zone="z1", **changes)


def policies(label: Label, ceiling: Label) -> PolicySet:
    known = Facts(systems={"s1": SystemFact(department=ask().department, label=label)}, zones={"z1": ceiling})
    return replace(PolicySet.build([permit()], [give(clearance=Label.L5)]), facts=known)


def test_the_explanation_says_which_ceiling_is_below_which_label() -> None:
    (zone,) = [one for one in explain(policies(Label.L3, Label.L2), placed()) if not one.ok]
    assert (zone.law, zone.value, zone.needed) == (Law.ZONE, "2", "3")


def test_a_desk_of_administrators_does_not_raise_what_lies_in_the_zone() -> None:
    """Only the system's data will lie there; who asks for it still needs what the desk asks for."""
    asked = placed(ceiling=Label.L2)
    assert decide(policies(Label.L2, Label.L2), replace(asked, label=Label.L3)).reason == "assurance"
    assert decide(policies(Label.L2, Label.L2), replace(asked, label=Label.L3, ceiling=Label.L3)).reason == "permit"


def test_a_second_person_is_not_asked_for_what_the_zone_forbids() -> None:
    approval = Approval(action="machine:approve", approver="")
    assert decide(policies(Label.L3, Label.L2), placed(approval=approval)).missing is None
    assert decide(policies(Label.L3, Label.L3), placed(approval=approval)).reason == "approver"


def test_a_label_that_rises_closes_the_zone_it_no_longer_fits() -> None:
    assert decide(policies(Label.L2, Label.L2), placed()).effect is Effect.PERMIT
    assert decide(policies(Label.L3, Label.L2), placed()).reason == "zone"


def test_an_approver_is_held_to_the_same_place() -> None:
    rules = [permit(), replace(permit("user:wang", identifier="p2"), action="machine:approve")]
    approval = Approval(action="machine:approve", approver="user:wang")
    base = PolicySet.build(rules, [give(clearance=Label.L5)])
    known = Facts(systems={"s1": SystemFact(department=ask().department, label=Label.L3)}, zones={"z1": Label.L3})
    assert decide(replace(base, facts=known), placed(approval=approval)).effect is Effect.PERMIT
