"""The parked request: sealed, bounded, its requester's alone, and once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz.errors import ParkedUnknown, ParkFull
from authz.park import BODY_BYTES, PER_SUBJECT, Parking
from authz.request import Missing
from authz.store import parked
from crypto.aead import Seal
from crypto.errors import SealInvalid
from tests.acts import an_act
from tests.idp.people import CityWithPeople, city_with_people

HOST = "marriage.localhost"
_NUMBERS = count()


@pytest.fixture
def city(database_url: str) -> Iterator[CityWithPeople]:
    with city_with_people(database_url) as made:
        yield made


@pytest.fixture
def parking(city: CityWithPeople) -> Parking:
    return Parking(city.database, Seal(b"p" * 32), clock=city.clock)


def put(parking: Parking, **changes: object) -> str:
    request = {
        "subject": "user:li",
        "host": HOST,
        "missing": Missing.ASSURANCE,
        "method": "POST",
        "target": "/applications?canary-target=1",
        "headers": (("content-type", "text/canary-type"),),
        "body": b"canary-body",
        "record": f"01J{next(_NUMBERS):05d}",
    }
    return parking.park(**request | changes).id


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000), st.text(st.characters(codec="latin-1"), max_size=20))
def test_it_comes_back_byte_for_byte(parking: Parking, body: bytes, value: str) -> None:
    identifier = put(parking, body=body, headers=(("accept", value),))
    found = parking.take(identifier, host=HOST, act=an_act("user:li", record="01T"))
    assert (found.body, found.headers, found.method, found.missing) == (
        body,
        (("accept", value),),
        "POST",
        Missing.ASSURANCE,
    )


def test_nothing_of_it_is_readable_on_the_disk(city: CityWithPeople, parking: Parking) -> None:
    put(parking)
    assert b"canary" not in city.bytes_at_rest()


def test_it_can_be_looked_at_often_and_taken_once(parking: Parking) -> None:
    identifier = put(parking)
    for _ in range(2):
        assert parking.look(identifier, subject="user:li", host=HOST).body == b"canary-body"

    def take(_: int) -> bool:
        try:
            return bool(parking.take(identifier, host=HOST, act=an_act("user:li", record="01T")))
        except ParkedUnknown:
            return False

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(take, range(6))) == 1


def test_everybody_else_and_every_other_place_and_time_gets_the_same_answer(
    city: CityWithPeople, parking: Parking
) -> None:
    identifier = put(parking)
    asked = [
        {"subject": "user:wang", "host": HOST},
        {"subject": "", "host": HOST},
        {"subject": "anonymous", "host": HOST},
        {"subject": "user:li", "host": "housing.localhost"},
    ]
    answers = set()
    for place in asked:
        ways = (
            partial(parking.look, **place),
            partial(parking.take, host=place["host"], act=an_act(place["subject"], record="01T")),
        )
        for way in ways:
            with pytest.raises(ParkedUnknown) as refused:
                way(identifier)
            answers.add(str(refused.value))
    for unknown in ("id-999999", "", identifier + " "):
        with pytest.raises(ParkedUnknown) as refused:
            parking.take(unknown, host=HOST, act=an_act("user:li", record="01T"))
        answers.add(str(refused.value))
    city.clock.add(minutes=15)
    with pytest.raises(ParkedUnknown) as refused:
        parking.take(identifier, host=HOST, act=an_act("user:li", record="01T"))
    assert answers | {str(refused.value)} == {"no such parked request"}


def test_it_is_kept_to_the_last_moment_and_then_forgotten(city: CityWithPeople, parking: Parking) -> None:
    put(parking)
    city.clock.add(minutes=14, seconds=59)
    put(parking)
    assert parking.sweep() == 0
    city.clock.add(seconds=1)
    assert parking.sweep() == 1
    assert len(city.rows(parked)) == 1


def test_a_row_moved_to_another_person_or_host_does_not_open(city: CityWithPeople, parking: Parking) -> None:
    identifier = put(parking)
    for change in ({"subject": "user:wang"}, {"host": "housing.localhost"}):
        with city.database.transaction() as connection:
            connection.execute(parked.update().values(change))
        place = {"subject": "user:li", "host": HOST} | change
        with pytest.raises(SealInvalid):
            parking.take(identifier, host=place["host"], act=an_act(place["subject"], record="01T"))
        with city.database.transaction() as connection:
            connection.execute(parked.update().values(subject="user:li", host=HOST))


def test_the_size_and_the_number_are_bounded_for_each_requester(city: CityWithPeople, parking: Parking) -> None:
    put(parking, body=bytes(BODY_BYTES))
    with pytest.raises(ParkFull):
        put(parking, body=bytes(BODY_BYTES + 1))
    for _ in range(PER_SUBJECT - 1):
        put(parking)
    with pytest.raises(ParkFull):
        put(parking)
    put(parking, subject="user:wang")
    city.clock.add(minutes=15)
    put(parking)
    assert len(city.rows(parked)) == 1


def test_the_number_holds_against_many_at_once(city: CityWithPeople, parking: Parking) -> None:
    def one(_: int) -> bool:
        try:
            return bool(put(parking))
        except ParkFull:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(one, range(PER_SUBJECT * 3))) == PER_SUBJECT
    assert len(city.rows(parked)) == PER_SUBJECT


def test_a_row_names_the_record_it_was_parked_under(city: CityWithPeople, parking: Parking) -> None:
    number = put(parking, record="01J")
    assert (city.rows(parked)[0]["record"], number) == ("01J", "01J")
