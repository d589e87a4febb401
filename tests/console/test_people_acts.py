"""Giving a role and taking it back: what was written is noted, also when nobody can say that it is effective."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from authz.administer import RoleTerms
from authz.errors import MayNotGrant
from authz.label import Label
from authz.lease import Receipt
from authz.store import assignment
from console.people.acts import give_role, take_role_back
from storage import witness
from storage.errors import StorageUnavailable
from tests.authz.city_with_roles import CLERK, CityWithRoles, city_with_roles

INSIDE = frozenset({"civil", "civil-registry"})
TERMS = RoleTerms(role=CLERK, department="civil", clearance=Label.L2, expires_at=None, reason="duty")


@pytest.fixture
def roles(tmp_path: Path) -> Iterator[CityWithRoles]:
    with city_with_roles(f"sqlite:///{tmp_path / 'city.db'}") as made:
        made.mandate()
        yield made


def nobody_says(_epoch: int) -> Receipt:
    raise StorageUnavailable


def row_of(roles: CityWithRoles, identifier: str) -> tuple[str, str]:
    with roles.city.database.transaction() as connection:
        return witness.describe_row(connection, assignment, identifier)


def test_a_role_that_was_given_is_noted_although_no_gateway_answers(roles: CityWithRoles) -> None:
    act = roles.act()
    with pytest.raises(StorageUnavailable):
        give_role(roles.administration, nobody_says, act, person="user:li", inside=INSIDE, terms=TERMS)
    (held,) = roles.held()
    facts = {"assignment": held.id, "role": CLERK, "person": "user:li", "reason": "duty"}
    assert act.notes == facts | dict([row_of(roles, held.id)])


def test_a_role_that_was_taken_back_is_noted_although_no_gateway_answers(roles: CityWithRoles) -> None:
    held, act = roles.give(), roles.act(record="01L")
    with pytest.raises(StorageUnavailable):
        take_role_back(roles.administration, nobody_says, act, held.id, person="user:li", department="civil")
    assert roles.held() == []
    facts = {"assignment": held.id, "role": CLERK, "person": "user:li"}
    assert act.notes == facts | dict([row_of(roles, held.id)])


def test_a_role_of_a_department_beside_the_desks_is_not_given_and_nothing_is_noted(roles: CityWithRoles) -> None:
    roles.mandate(department="city")
    act = roles.act()
    with pytest.raises(MayNotGrant):
        give_role(roles.administration, nobody_says, act, person="user:li", inside=frozenset({"housing"}), terms=TERMS)
    assert (roles.held(), act.notes) == ([], {})
