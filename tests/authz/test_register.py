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
from tests.authz.test_administer import above
from tests.authz.town import NOW, Desk, desk
from tests.idp.people import TREE


@pytest.fixture
def town(database_url: str) -> Iterator[Desk]:
    with desk(database_url) as made:
        yield made


def ask(town: Desk, subject: str = "user:li", **changes: object) -> Effect:
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
    return decide(town.register.policies(version=1), AccessRequest(**request | changes)).effect


def rule(town: Desk, **changes: object) -> None:
    values = {
        "id": town.city.mint(),
        "subject": "clerk",
        "department": "civil",
        "object": "/marriage/*",
        "action": "read",
        "effect": "permit",
        "record": "01J",
    }
    town.insert(store.rule, **values | changes)


def test_the_database_waits_for_nobody_who_makes_a_policy_set(town) -> None:
    """PostgreSQL cuts off whoever sleeps in a transaction, and 100 000 rules take seconds to make."""
    held_meanwhile = []

    def public() -> tuple[()]:
        held_meanwhile.append(town.city.database._engine.pool.checkedout())
        return ()

    Register(town.city.database, town.city.directory, public=public).policies(version=1)
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
def test_the_rows_decide_as_the_law_reads(town: Desk, held: list[dict], label: int, ceiling: int, denied: str) -> None:
    with town.city.database.transaction() as connection:
        connection.execute(store.assignment.delete())
        connection.execute(store.rule.delete())
    rule(town)
    if denied != "none":
        rule(town, effect="deny", department=denied, object="/marriage/x")
    for one in held:
        values = {
            "id": town.city.mint(),
            "role": "clerk",
            "reason": "",
            "given_by": "a",
            "given_at": NOW,
            "record": "r",
        }
        revoked = {"revoked_at": NOW, "revoked_by": "a", "revoke_record": "r"} if one["revoked"] else {}
        until = NOW + timedelta(days=one["days"]) if one["days"] else None
        town.insert(
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
    assert (ask(town, label=Label(label), ceiling=Label(ceiling)) is Effect.PERMIT) == expected


@pytest.mark.parametrize("effect", ["allow", "Deny", "", "permit ", "PERMIT"])
def test_a_rule_of_another_effect_refuses_the_whole_set_by_name(town: Desk, effect: str) -> None:
    rule(town, id="good")
    rule(town, id="odd", effect=effect)
    with pytest.raises(PolicyInvalid) as refused:
        town.register.policies(version=1)
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
def test_a_rule_that_means_nothing_refuses_the_whole_set_by_name(town: Desk, wrong: dict[str, str]) -> None:
    rule(town, id="odd", **wrong)
    with pytest.raises(PolicyInvalid) as refused:
        town.register.policies(version=1)
    assert refused.value.entry == "odd"


@pytest.mark.parametrize("clearance", [0, 6, -1, 99])
def test_an_assignment_of_no_clearance_refuses_the_whole_set_by_name(town: Desk, clearance: int) -> None:
    town.mandate()
    held = town.give()
    whole = lambda good: town.register.policies(version=1)  # noqa: E731
    one = lambda good: town.register.with_subjects(good, ["user:li"], version=1)  # noqa: E731
    for read in (whole, one):
        set_clearance(town, 1)
        good = town.register.policies(version=0)
        set_clearance(town, clearance)
        with pytest.raises(PolicyInvalid) as refused:
            read(good)
        assert refused.value.entry == held.id


def set_clearance(town: Desk, clearance: int) -> None:
    with town.city.database.transaction() as connection:
        connection.execute(store.assignment.update().values(clearance=clearance))


def test_departments_in_a_circle_refuse_the_whole_set(town: Desk) -> None:
    with town.city.database.transaction() as connection:
        connection.execute(department.update().where(department.c.id == "city").values(parent="civil-registry"))
    with pytest.raises(PolicyInvalid, match="cycle"):
        town.register.policies(version=1)


def test_systems_carry_their_labels(town: Desk) -> None:
    town.insert(store.system, id="marriage", department="civil", name_zh="婚", name_en="Marriage", label=2)
    (system,) = town.register.systems().values()
    assert (system.id, system.department, system.label) == ("marriage", "civil", Label.L2)
