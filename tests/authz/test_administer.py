"""Giving and taking roles: within a mandate, never to oneself, duties kept apart, every row with its record."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz import offices, store
from authz.administer import RoleTerms
from authz.errors import AlreadyHeld, AssignmentUnknown, AuthzError, MayNotGrant, SeparationOfDuty
from authz.label import Label
from idp.errors import PersonUnknown
from storage import witness
from storage.errors import StorageUnavailable
from tests.authz.city_with_roles import CLERK, NOW, CityWithRoles, city_with_roles
from tests.idp.people import TREE

ROLES = (CLERK, offices.STAFF, offices.DEPARTMENT_ADMINISTRATOR)


@pytest.fixture
def roles(database_url: str) -> Iterator[CityWithRoles]:
    with city_with_roles(database_url) as made:
        yield made


def above(department: str) -> set[str]:
    """It and those above it."""
    parent = TREE[department]
    return {department} | (above(parent) if parent else set())


mandates = st.lists(st.tuples(st.sampled_from(ROLES), st.sampled_from(sorted(TREE)), st.integers(1, 5)), max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mandates,
    st.sampled_from(ROLES),
    st.sampled_from(sorted(TREE)),
    st.integers(1, 5),
    st.sampled_from(["user:li", "user:admin"]),
)
def test_a_role_is_given_and_taken_exactly_within_a_mandate(
    roles: CityWithRoles, held: list, role: str, department: str, clearance: int, subject: str
) -> None:
    with roles.city.database.transaction() as connection:
        connection.execute(store.may_grant.delete())
        connection.execute(store.assignment.delete())
    for mandate in held:
        roles.mandate(*mandate)
    may = subject != "user:admin" and any(
        role == r and d in above(department) and clearance <= ceiling for r, d, ceiling in held
    )
    try:
        made = roles.give(subject, role=role, department=department, clearance=Label(clearance))
        taken = roles.take(made, department=department)
    except MayNotGrant:
        assert not may
        assert roles.city.rows(store.assignment) == []
    else:
        assert may
        assert taken.id == made.id


def test_a_mandate_is_not_derived_from_roles_held(roles: CityWithRoles) -> None:
    roles.insert(store.assignment, **row("user:admin", offices.SECURITY_ADMINISTRATOR))
    with pytest.raises(MayNotGrant):
        roles.give()


def test_nobody_gives_a_role_to_himself_or_takes_his_own(roles: CityWithRoles) -> None:
    roles.mandate(department="city", ceiling=5)
    with pytest.raises(MayNotGrant):
        roles.give("user:admin")
    roles.mandate(department="city", ceiling=5, actor="user:wang")
    mine = roles.give("user:admin", actor="user:wang")
    with pytest.raises(MayNotGrant):
        roles.take(mine)


def test_a_role_is_given_to_people_who_exist(roles: CityWithRoles) -> None:
    roles.mandate()
    with pytest.raises(PersonUnknown):
        roles.give("user:nobody")


def test_only_what_is_said_to_be_taken_is_taken(roles: CityWithRoles) -> None:
    """The object of the decision names the person and the department: an id from elsewhere is not there."""
    roles.mandate(department="city")
    held = roles.give()
    for changes in (
        {"subject": "user:wang"},
        {"department": "housing"},
        {"department": "civil-registry"},
        {"department": "x"},
    ):
        with pytest.raises(AssignmentUnknown):
            roles.take(held, **changes)
    assert roles.city.rows(store.assignment)[0]["revoked_at"] is None


@pytest.mark.parametrize(("one", "other"), list(permutations(sorted(offices.EXCLUSIVE), 2)))
def test_offices_that_exclude_each_other_are_not_held_together(roles: CityWithRoles, one: str, other: str) -> None:
    for office in (one, other):
        roles.mandate(office, "city")
    first = roles.give(role=one, department="city")
    with pytest.raises(SeparationOfDuty) as refused:
        roles.give(role=other, department="housing")
    assert (refused.value.role, refused.value.excludes) == (other, one)
    roles.take(first, department="city")
    assert [roles.give(role=other, department="city")] == roles.held()


def test_an_office_that_ran_out_excludes_nothing_any_more(roles: CityWithRoles) -> None:
    for office in (offices.AUDIT_ADMINISTRATOR, offices.SECURITY_ADMINISTRATOR):
        roles.mandate(office)
    roles.give(role=offices.AUDIT_ADMINISTRATOR, expires_at=NOW + timedelta(days=1))
    roles.city.clock.add(hours=23)
    with pytest.raises(SeparationOfDuty):
        roles.give(role=offices.SECURITY_ADMINISTRATOR)
    roles.city.clock.add(hours=1)
    assert [roles.give(role=offices.SECURITY_ADMINISTRATOR)] == roles.held()


def test_a_second_click_gives_nothing_twice(roles: CityWithRoles) -> None:
    roles.mandate(ceiling=5)
    until = NOW + timedelta(days=30)
    first = roles.give(expires_at=until)
    for nothing_new in ({}, {"clearance": Label.L1}, {"expires_at": until - timedelta(days=1)}):
        with pytest.raises(AlreadyHeld) as refused:
            roles.give(**{"expires_at": until} | nothing_new)
        assert refused.value.code == "already-held"
    for more in (
        {"clearance": Label.L3},
        {"expires_at": until + timedelta(days=1)},
        {"expires_at": None},
        {"department": "civil-registry"},
    ):
        roles.give(**{"expires_at": until} | more)
    assert len(roles.city.rows(store.assignment)) == 5
    assert first.id in {row["id"] for row in roles.city.rows(store.assignment)}


def test_what_ran_out_or_was_taken_back_is_given_again(roles: CityWithRoles) -> None:
    roles.mandate()
    roles.give(expires_at=NOW + timedelta(days=1))
    roles.city.clock.add(days=1)
    again = roles.give()
    assert roles.held() == [again]
    roles.take(again)
    assert roles.held() == []
    assert [roles.give()] == roles.held()


def test_of_many_clicks_at_once_one_gives(roles: CityWithRoles) -> None:
    roles.mandate()

    def click(_: int) -> bool:
        try:
            return bool(roles.give())
        except AlreadyHeld:
            return False

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(click, range(6))) == 1


def test_a_role_is_taken_back_once(roles: CityWithRoles) -> None:
    roles.mandate()
    held = roles.give()
    with ThreadPoolExecutor(4) as threads:
        taken = [one.exception() for one in [threads.submit(roles.take, held) for _ in range(4)]]
    assert sorted(type(one).__name__ for one in taken) == ["AssignmentUnknown"] * 3 + ["NoneType"]
    with pytest.raises(AssignmentUnknown):
        roles.take(held)


def test_every_row_names_who_when_and_the_record_of_both_acts(roles: CityWithRoles) -> None:
    roles.mandate()
    roles.city.clock.add(minutes=1)
    roles.take(roles.give(record="01GIVEN"), record="01TAKEN")
    (made,) = roles.city.rows(store.assignment)
    assert (made["given_by"], made["given_at"], made["record"]) == ("user:admin", NOW + timedelta(minutes=1), "01GIVEN")
    assert (made["revoked_by"], made["revoked_at"], made["revoke_record"]) == (
        "user:admin",
        roles.city.clock(),
        "01TAKEN",
    )


def test_a_change_is_counted_once_and_a_refusal_never(roles: CityWithRoles) -> None:
    roles.mandate()
    roles.take(roles.give())
    for refused in (
        lambda: roles.give("user:admin"),
        lambda: roles.give(department="housing"),
        lambda: roles.give("user:nobody"),
    ):
        with pytest.raises((AuthzError, PersonUnknown)):
            refused()
    assert roles.changed_subjects() == ["user:li", "user:li"]
    assert roles.epochs.confirmations().epoch == 2


def test_what_could_not_be_counted_was_not_done(roles: CityWithRoles, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is part of the transaction: there is no change that no gateway will ever be told of."""
    roles.mandate()
    held = roles.give("user:wang")

    def away(*_: object) -> int:
        raise StorageUnavailable

    monkeypatch.setattr(roles.epochs, "bump", away)
    for attempt in (roles.give, lambda: roles.take(held)):
        with pytest.raises(StorageUnavailable):
            attempt()
    (row_,) = roles.city.rows(store.assignment)
    assert (row_["id"], row_["revoked_at"]) == (held.id, None)


def test_what_ran_out_is_held_no_more_but_stays_in_the_history(roles: CityWithRoles) -> None:
    roles.mandate()
    roles.give(expires_at=NOW + timedelta(days=1))
    everywhere = frozenset(TREE)
    assert roles.administration.roles_of(["user:li"], inside=everywhere) == {"user:li": [CLERK]}
    roles.city.clock.add(days=1)
    assert roles.administration.assignments_of("user:li", inside=everywhere) == []
    assert roles.administration.roles_of(["user:li"], inside=everywhere) == {}
    assert len(roles.administration.assignments_of("user:li", inside=everywhere, ever=True)) == 1


def test_other_departments_roles_are_not_seen(roles: CityWithRoles) -> None:
    roles.mandate(department="city")
    roles.give(department="housing")
    inside = frozenset({"civil", "civil-registry"})
    assert roles.administration.assignments_of("user:li", inside=inside, ever=True) == []
    assert roles.administration.roles_of(["user:li"], inside=inside) == {}


def row(subject: str, role: str) -> dict[str, object]:
    return {
        "id": role[:26],
        "subject": subject,
        "role": role,
        "department": "city",
        "clearance": 3,
        "expires_at": None,
        "reason": "",
        "given_by": "bootstrap",
        "given_at": NOW,
        "record": "01J",
    }


def test_each_writes_witness_is_the_row_as_it_is_read_afterwards(roles: CityWithRoles) -> None:
    roles.mandate()
    giving, taking = roles.act(record="01K"), roles.act(record="01L")
    terms = RoleTerms(
        role=CLERK, department="civil", clearance=Label.L2, expires_at=NOW + timedelta(days=1), reason="值班"
    )
    given_one, _ = roles.administration.assign("user:li", terms, giving)
    read = [row_as_read(roles, given_one.id)]
    roles.administration.revoke(given_one.id, subject="user:li", department="civil", act=taking)
    read.append(row_as_read(roles, given_one.id))
    assert [{one.key: one.digest} for one in read] == [giving.notes, taking.notes]
    assert [one.records for one in read] == [("01K",), ("01L", "01K")]


def row_as_read(roles: CityWithRoles, identifier: str) -> witness.Row:
    with roles.city.database.reading() as connection:
        (row,) = [one for one in witness.rows(connection) if one.table == "assignment" and one.id == identifier]
    return row
