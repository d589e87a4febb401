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
from tests.authz.town import CLERK, Desk, desk

INSIDE = frozenset({"civil", "civil-registry"})
TERMS = RoleTerms(role=CLERK, department="civil", clearance=Label.L2, expires_at=None, reason="duty")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Desk]:
    with desk(f"sqlite:///{tmp_path / 'city.db'}") as made:
        made.mandate()
        yield made


def nobody_says(_epoch: int) -> Receipt:
    raise StorageUnavailable


def row_of(town: Desk, identifier: str) -> tuple[str, str]:
    with town.city.database.transaction() as connection:
        return witness.describe_row(connection, assignment, identifier)


def test_a_role_that_was_given_is_noted_although_no_gateway_answers(town: Desk) -> None:
    act = town.act()
    with pytest.raises(StorageUnavailable):
        give_role(town.administration, nobody_says, act, person="user:li", inside=INSIDE, terms=TERMS)
    (held,) = town.held()
    facts = {"assignment": held.id, "role": CLERK, "person": "user:li", "reason": "duty"}
    assert act.notes == facts | dict([row_of(town, held.id)])


def test_a_role_that_was_taken_back_is_noted_although_no_gateway_answers(town: Desk) -> None:
    held, act = town.give(), town.act(record="01L")
    with pytest.raises(StorageUnavailable):
        take_role_back(town.administration, nobody_says, act, held.id, person="user:li", department="civil")
    assert town.held() == []
    facts = {"assignment": held.id, "role": CLERK, "person": "user:li"}
    assert act.notes == facts | dict([row_of(town, held.id)])


def test_a_role_of_a_department_beside_the_desks_is_not_given_and_nothing_is_noted(town: Desk) -> None:
    town.mandate(department="city")
    act = town.act()
    with pytest.raises(MayNotGrant):
        give_role(town.administration, nobody_says, act, person="user:li", inside=frozenset({"housing"}), terms=TERMS)
    assert (town.held(), act.notes) == ([], {})
