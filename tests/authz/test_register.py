"""The register: the rows mean what the decision says, and bad rows are refused whole."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz import store
from authz.decide import decide
from authz.errors import PolicyInvalid
from authz.label import Label
from authz.register import Register
from authz.request import AccessRequest, Effect
from idp.store import department
from tests.authz.city_with_roles import NOW, CityWithRoles, city_with_roles
from tests.authz.test_administer import above
from tests.idp.people import TREE


@pytest.fixture
def roles(database_url: str) -> Iterator[CityWithRoles]:
    with city_with_roles(database_url) as made:
        yield made


def ask(roles: CityWithRoles, subject: str = "user:li", **changes: object) -> Effect:
    request = {
        "id": "01J",
        "at": NOW,
        "subject": subject,
        "department": "civil",
        "object": "/marriage/x",
        "action": "read",
        "label": Label.L2,
        "ceiling": Label.L3,
    }
    return decide(roles.register.policies(version=1), AccessRequest(**request | changes)).effect


def rule(roles: CityWithRoles, **changes: object) -> None:
    values = {
        "id": roles.city.mint(),
        "subject": "clerk",
        "department": "civil",
        "object": "/marriage/*",
        "action": "read",
        "effect": "permit",
        "record": "01J",
    }
    roles.insert(store.rule, **values | changes)


def test_the_database_waits_for_nobody_who_makes_a_policy_set(roles) -> None:
    """PostgreSQL cuts off whoever sleeps in a transaction, and 100 000 rules take seconds to make."""
    held_meanwhile = []

    def public() -> tuple[()]:
        held_meanwhile.append(roles.city.database._engine.pool.checkedout())
        return ()

    Register(roles.city.database, roles.city.directory, public=public).policies(version=1)
    assert held_meanwhile == [0]


assignments = st.lists(
    st.fixed_dictionaries(
        {
            "department": st.sampled_from(sorted(TREE)),
            "clearance": st.integers(1, 5),
            "days": st.integers(-1, 1),
            "revoked": st.booleans(),
            "subject": st.sampled_from(["user:li", "user:wang"]),
        }
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(assignments, st.integers(1, 4), st.integers(1, 4), st.sampled_from(["none", "civil", "*"]))
def test_the_rows_decide_as_the_law_reads(
    roles: CityWithRoles, held: list[dict], label: int, ceiling: int, denied: str
) -> None:
    with roles.city.database.transaction() as connection:
        connection.execute(store.assignment.delete())
        connection.execute(store.rule.delete())
    rule(roles)
    if denied != "none":
        rule(roles, effect="deny", department=denied, object="/marriage/x")
    for one in held:
        values = {
            "id": roles.city.mint(),
            "role": "clerk",
            "reason": "",
            "given_by": "a",
            "given_at": NOW,
            "record": "r",
        }
        revoked = {"revoked_at": NOW, "revoked_by": "a", "revoke_record": "r"} if one["revoked"] else {}
        until = NOW + timedelta(days=one["days"]) if one["days"] else None
        roles.insert(
            store.assignment,
            **values,
            **revoked,
            expires_at=until,
            **{name: one[name] for name in ("department", "clearance", "subject")},
        )
    live = [
        one
        for one in held
        if one["subject"] == "user:li"
        and not one["revoked"]
        and one["days"] >= 0
        and one["department"] in above("civil")
    ]
    clearance = max((one["clearance"] for one in live), default=0)
    expected = bool(live) and denied == "none" and label <= min(clearance, ceiling)
    assert (ask(roles, label=Label(label), ceiling=Label(ceiling)) is Effect.PERMIT) == expected


@pytest.mark.parametrize("effect", ["allow", "Deny", "", "permit ", "PERMIT"])
def test_a_rule_of_another_effect_refuses_the_whole_set_by_name(roles: CityWithRoles, effect: str) -> None:
    rule(roles, id="good")
    rule(roles, id="odd", effect=effect)
    with pytest.raises(PolicyInvalid) as refused:
        roles.register.policies(version=1)
    assert refused.value.entry == "odd"


@pytest.mark.parametrize(
    "wrong",
    [
        {"object": "/a/*/b"},
        {"object": "/a//b"},
        {"object": ""},
        {"subject": ""},
        {"subject": "a,b"},
        {"action": "re\nad"},
        {"department": ""},
        {"object": "/a\u202e"},
    ],
)
def test_a_rule_that_means_nothing_refuses_the_whole_set_by_name(roles: CityWithRoles, wrong: dict[str, str]) -> None:
    rule(roles, id="odd", **wrong)
    with pytest.raises(PolicyInvalid) as refused:
        roles.register.policies(version=1)
    assert refused.value.entry == "odd"


@pytest.mark.parametrize("clearance", [0, 6, -1, 99])
def test_an_assignment_of_no_clearance_refuses_the_whole_set_by_name(roles: CityWithRoles, clearance: int) -> None:
    roles.mandate()
    held = roles.give()
    whole = lambda good: roles.register.policies(version=1)  # noqa: E731
    one = lambda good: roles.register.with_subjects(good, ["user:li"], version=1)  # noqa: E731
    for read in (whole, one):
        set_clearance(roles, 1)
        good = roles.register.policies(version=0)
        set_clearance(roles, clearance)
        with pytest.raises(PolicyInvalid) as refused:
            read(good)
        assert refused.value.entry == held.id


def set_clearance(roles: CityWithRoles, clearance: int) -> None:
    with roles.city.database.transaction() as connection:
        connection.execute(store.assignment.update().values(clearance=clearance))


def test_departments_in_a_circle_refuse_the_whole_set(roles: CityWithRoles) -> None:
    with roles.city.database.transaction() as connection:
        connection.execute(department.update().where(department.c.id == "city").values(parent="civil-registry"))
    with pytest.raises(PolicyInvalid, match="cycle"):
        roles.register.policies(version=1)


def test_systems_carry_their_labels(roles: CityWithRoles) -> None:
    roles.insert(store.system, id="marriage", department="civil", name_zh="婚", name_en="Marriage", label=2)
    (system,) = roles.register.systems().values()
    assert (system.id, system.department, system.label) == ("marriage", "civil", Label.L2)
