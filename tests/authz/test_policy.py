"""The PolicySet: refused whole or taken whole, never changed, and no slower for being large."""

from datetime import datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.decide import decide
from authz.errors import PolicyInvalid
from authz.hierarchy import ROLE_DEPTH, Inheritance
from authz.label import Label
from authz.policy import Assignment, PolicySet, Rule
from authz.request import ANONYMOUS, AccessRequest, Effect
from tests.authz.worlds import SUBJECTS, World, ask, assignments, built, give, permit, requests, worlds


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (permit(path="/svc/*/readonly"), "`*` in object pattern"),
        (permit(path="*"), "`*` in object pattern"),
        (permit(path="/a*"), "`*` in object pattern"),
        (permit(path="/a/x:id"), "`:` in object pattern"),
        (permit(path="/a/:"), "`:` in object pattern"),
        (permit(path="/a/(b|c)"), "in object pattern"),
        (permit(path="/a//b"), "empty segment"),
        (permit(path="/a\n"), "control character"),
        (permit(path="/a b"), "blank"),
        (permit(path=""), "object pattern must have"),
        (permit(path="/" + "a" * 600), "object pattern must have"),
        (permit("*"), "`*` in subject"),
        (permit("clerk "), "blank at an edge"),
        (permit("cl\u200berk"), "control character"),
        (permit("a, b"), "`,` in subject"),
        (permit(""), "empty subject"),
        (permit(action="*"), "`*` in action"),
        (permit(department=""), "empty department"),
        (permit(effect="Deny"), "neither permit nor deny"),
        (permit(effect="deny"), "neither permit nor deny"),
    ],
)
def test_a_rule_outside_the_subset_refuses_the_whole_set_by_name(rule: Rule, reason: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^`p1`: ") as caught:
        PolicySet.build([permit(identifier="p0"), rule], [give()])
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        (give(subject=ANONYMOUS), "everybody"),
        (give(ANONYMOUS), "everybody"),
        (give(department="*"), "`*` in department"),
        (give(clearance=6), "not a label"),
        (give(expires_at=datetime(2026, 1, 1)), "time zone"),  # noqa: DTZ001 - the point of the case
        (give(identifier="g0"), "same id twice"),
    ],
)
def test_a_bad_assignment_refuses_the_whole_set_by_name(assignment: Assignment, reason: str) -> None:
    with pytest.raises(PolicyInvalid, match=f"^`{assignment.id}`: .*{reason}"):
        PolicySet.build([permit()], [give(identifier="g0"), assignment])


def test_the_same_rule_id_twice_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="same id twice"):
        PolicySet.build([permit(), permit(path="/b")], [])


@pytest.mark.parametrize("parents", [{"a": "a"}, {"a": "b", "b": "a"}, {str(n): str(n + 1) for n in range(20)}])
def test_departments_that_are_no_tree_are_refused(parents: dict[str, str]) -> None:
    with pytest.raises(PolicyInvalid, match="departments above"):
        PolicySet.build([], [], parents=parents)


def line_of_roles(length: int) -> list[Inheritance]:
    return [Inheritance(role=f"r{n}", inherits=f"r{n + 1}", department="city") for n in range(length - 1)]


def test_roles_that_inherit_in_a_circle_or_too_deep_are_refused() -> None:
    PolicySet.build([], [], inherits=line_of_roles(ROLE_DEPTH))
    for edges in (
        line_of_roles(ROLE_DEPTH + 1),
        [Inheritance(role="a", inherits="a")],
        [Inheritance(role="a", inherits="b"), Inheritance(role="b", inherits="a", department="city")],
    ):
        with pytest.raises(PolicyInvalid, match="inherits in a cycle"):
            PolicySet.build([], [], inherits=edges)
    with pytest.raises(PolicyInvalid, match="everybody"):
        PolicySet.build([], [], inherits=[Inheritance(role=ANONYMOUS, inherits="clerk")])


@settings(max_examples=200, deadline=None)
@given(worlds, st.sampled_from(SUBJECTS), assignments(), st.lists(requests, min_size=1, max_size=10))
def test_with_subject_answers_as_a_set_built_anew_and_leaves_the_old_one_alone(
    world: World, subject: str, given_: list[Assignment], asked: list[AccessRequest]
) -> None:
    rules, old, inherits, parents = world
    theirs = [one for one in given_ if one.subject == subject]
    before = built(world)
    answers = [decide(before, request) for request in asked]
    after = before.with_subject(subject, theirs, version=2)
    anew = built((rules, [one for one in old if one.subject != subject] + [
        Assignment(**{**{name: getattr(one, name) for name in Assignment.__slots__}, "id": f"new {one.id}"})
        for one in theirs
    ], inherits, parents), version=2)  # fmt: skip
    assert [decide(after, request) for request in asked] == [decide(anew, request) for request in asked]
    assert [decide(before, request) for request in asked] == answers


def test_with_subject_shares_everything_but_the_subject() -> None:
    others = [give(subject="user:wang", identifier="g2"), give(identifier="g3", subject="user:wang", department="port")]
    before = PolicySet.build([permit()], [give(), *others])
    after = before.with_subject("user:li", [], version=2)
    assert after.rules is before.rules
    assert after._index is before._index
    assert after._held["port"] is before._held["port"]
    assert after.subjects() == {"user:wang"}


def test_with_subject_takes_no_assignment_of_another_and_no_bad_one() -> None:
    policies = PolicySet.build([], [])
    with pytest.raises(PolicyInvalid, match="another subject"):
        policies.with_subject("user:li", [give(subject="user:wang")], version=2)
    with pytest.raises(PolicyInvalid, match="not a label"):
        policies.with_subject("user:li", [give(clearance=0)], version=2)


def city(rules: int, departments: int) -> PolicySet:
    random = Random(rules)
    said = [
        permit(
            f"role-{random.randrange(12)}",
            random.choice(["/s{}/files/{}", "/s{}/:kind/{}", "/s{}/area-{}/*"]).format(
                random.randrange(5), random.randrange(50)
            ),
            f"p{n}",
            department=f"d{random.randrange(departments)}",
            action=random.choice(["read", "write", "approve"]),
            effect=Effect.DENY if random.random() < 0.02 else Effect.PERMIT,
        )
        for n in range(rules)
    ]
    held = [
        give(f"role-{n % 12}", f"user:{n // 2}", f"g{n}", department=f"d{random.randrange(departments)}")
        for n in range(rules // 10)
    ]
    return PolicySet.build(said, held)


def test_the_work_of_a_decision_does_not_grow_with_the_rules() -> None:
    def examined(policies: PolicySet, departments: int) -> float:
        random = Random(1)
        work = [
            policies.matching(
                ask(
                    f"user:{random.randrange(50)}",
                    f"/s{random.randrange(5)}/files/{random.randrange(50)}",
                    department=f"d{random.randrange(departments)}",
                )
            ).examined
            for _ in range(2000)
        ]
        assert max(work) < 100
        return sum(work) / len(work)

    small, large = examined(city(1_000, 2), 2), examined(city(100_000, 200), 200)
    assert large <= 1.5 * small


def test_a_thousand_patterns_beside_the_path_are_not_looked_at() -> None:
    rules = [permit("clerk", f"/a/{n}/*", f"p{n}") for n in range(1000)] + [permit("clerk", "/a/:x/:y", "any")]
    matching = PolicySet.build(rules, [give()]).matching(ask(path="/a/7/b"))
    assert {rule.id for rule, _ in matching.permits} == {"p7", "any"}
    assert matching.examined < 30


def test_shapes_of_patterns_are_bounded() -> None:
    shapes = [f"{n:09b}".replace("0", "/a").replace("1", "/:x") for n in range(257)]
    PolicySet.build([permit(path=path, identifier=f"p{n}") for n, path in enumerate(shapes[:256])], [])
    with pytest.raises(PolicyInvalid, match=r"^`p256`: more than 256 shapes"):
        PolicySet.build([permit(path=path, identifier=f"p{n}") for n, path in enumerate(shapes)], [])


def test_a_subject_with_many_assignments_elsewhere_is_not_slower_here() -> None:
    held = [give(identifier=f"g{n}", department=f"d{n}", clearance=Label.L2) for n in range(5000)]
    policies = PolicySet.build([permit(department="d7")], held)
    assert policies.names_of("user:li", "d7", ask().at) == {"user:li": 5, ANONYMOUS: 1, "clerk": 2}
    assert policies.matching(ask(department="d7")).examined < 10
