"""Many at once, in several processes' ways: whatever the order, what holds for one after the other holds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from threading import Barrier

import pytest

from authz import offices, store
from authz.errors import AlreadyHeld, AlreadySealed, AssignmentUnknown, ParkedUnknown, ParkFull, SeparationOfDuty
from authz.park import PER_SUBJECT, Parking
from crypto.aead import Seal
from storage.database import Database
from tests.acts import an_act
from tests.authz.city_with_roles import CityWithRoles, city_with_roles
from tests.authz.test_bootstrap import TABLES, found, rows
from tests.authz.test_park import HOST, put
from tests.idp.people import TREE


@pytest.fixture
def roles(database_url: str) -> Iterator[CityWithRoles]:
    with city_with_roles(database_url) as made:
        connect_all(made.city.database, database_url)
        yield made


def connect_all(database: Database, url: str) -> None:
    """Else whoever has a connection first is done before the others have theirs, and nobody races."""
    if url.startswith("sqlite"):
        return
    all_there = Barrier(10)

    def one(_: int) -> None:
        with database.transaction() as connection:
            connection.exec_driver_sql("SELECT 1")
            all_there.wait(10)

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(one, range(10)))


def test_of_fifty_excluding_offices_at_once_one_is_given_and_counted(roles: CityWithRoles) -> None:
    exclusive = sorted(offices.EXCLUSIVE)
    for office in exclusive:
        roles.mandate(office)

    def give(office: str) -> str:
        try:
            return roles.give(role=office).role
        except (SeparationOfDuty, AlreadyHeld):
            return ""

    for round_ in range(2):
        with ThreadPoolExecutor(10) as threads:
            given_ones = [role for role in threads.map(give, islice(cycle(exclusive), 50)) if role]
        assert len(given_ones) == 1
        (held,) = roles.administration.assignments_of("user:li", inside=frozenset(TREE))
        assert held.role == given_ones[0]
        assert roles.changed_subjects() == ["user:li"] * (2 * round_ + 1)
        roles.take(held)


def test_roles_of_many_people_are_given_at_once_and_each_is_counted(roles: CityWithRoles) -> None:
    roles.mandate()
    people = roles.city.add(*[f"p{number}" for number in range(40)])
    with ThreadPoolExecutor(10) as threads:
        assert len({one.id for one in threads.map(roles.give, people)}) == 40
    assert sorted(roles.changed_subjects()) == sorted(people)
    assert roles.epochs.confirmations().epoch == 40


def test_giving_and_taking_at_once_leaves_what_was_counted_last(roles: CityWithRoles) -> None:
    roles.mandate()
    held = roles.give()

    def take(_: int) -> bool:
        try:
            return bool(roles.take(held))
        except AssignmentUnknown:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(8))) == 1
    assert roles.administration.assignments_of("user:li", inside=frozenset(TREE)) == []
    assert roles.changed_subjects() == ["user:li", "user:li"]


@pytest.mark.parametrize("subject", ["user:li", "service:clock"])
def test_of_twenty_parked_at_once_eight_are_kept_also_when_old_ones_are_forgotten_meanwhile(
    roles: CityWithRoles, subject: str
) -> None:
    parking = Parking(roles.city.database, Seal(b"p" * 32), clock=roles.city.clock)
    for _ in range(PER_SUBJECT):
        put(parking, subject=subject)
    roles.city.clock.add(minutes=15)

    def one(_: int) -> bool:
        try:
            return bool(put(parking, subject=subject))
        except ParkFull:
            return False

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(one, range(20))) == PER_SUBJECT
    assert len(roles.city.rows(store.parked)) == PER_SUBJECT


def test_a_parked_request_is_taken_once_whoever_looks_and_sweeps_meanwhile(roles: CityWithRoles) -> None:
    parking = Parking(roles.city.database, Seal(b"p" * 32), clock=roles.city.clock)

    def take(identifier: str) -> bool:
        try:
            parking.look(identifier, subject="user:li", host=HOST)
            parking.sweep()
            return bool(parking.take(identifier, host=HOST, act=an_act("user:li", record="01T")))
        except ParkedUnknown:
            return False

    for _ in range(5):
        identifier = put(parking)
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(take, [identifier] * 16)) == 1


def test_of_several_foundings_at_once_one_founds_the_whole_city(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    databases[0].migrate()
    for one_of_them in databases:
        connect_all(one_of_them, database_url)

    def one(database: Database) -> dict[str, str]:
        try:
            return found(database)
        except AlreadySealed:
            return {}

    with ThreadPoolExecutor(4) as threads:
        keys = [made for made in threads.map(one, databases) if made]
    assert len(keys) == 1
    assert {row["login"] for row in rows(databases[0], TABLES[1])} | {"service:clock"} == set(keys[0])
    assert len(rows(databases[0], store.seal)) == 1
    for database in databases:
        database.close()
