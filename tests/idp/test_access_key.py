"""Access keys: shown once, kept as a digest, over when they are over."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from idp.access_key import AccessKeys, digest, issue
from idp.errors import CredentialRejected
from tests.idp.people import NOW, CityWithPeople, city_with_people


@pytest.fixture
def city(database_url: str) -> Iterator[CityWithPeople]:
    with city_with_people(database_url) as made:
        made.add("li")
        yield made


def issued(city: CityWithPeople, subject: str = "user:li", *, hours: float = 1) -> str:
    with city.database.transaction() as connection:
        until = NOW + timedelta(hours=hours)
        return issue(connection, subject, assurance=3, expires_at=until, record="01J")


def test_a_key_speaks_for_its_subject(city: CityWithPeople) -> None:
    holder = AccessKeys(city.database, clock=city.clock).find(digest(issued(city)))
    assert (holder.subject, holder.name, holder.department, holder.assurance) == ("user:li", "li", "civil", 3)
    machine = AccessKeys(city.database, clock=city.clock).find(digest(issued(city, "service:clock")))
    assert (machine.subject, machine.name, machine.department) == ("service:clock", "", None)


def test_only_the_digest_is_on_the_disk(city: CityWithPeople) -> None:
    key = issued(city)
    at_rest = city.bytes_at_rest()
    assert digest(key) in at_rest
    assert key.encode() not in at_rest
    assert key.removeprefix("cg_").encode() not in at_rest


def test_a_key_is_over_at_its_very_moment(city: CityWithPeople) -> None:
    keys, key = AccessKeys(city.database, clock=city.clock), digest(issued(city))
    city.clock.add(minutes=59, seconds=59.999)
    assert keys.find(key)
    city.clock.add(seconds=0.001)
    with pytest.raises(CredentialRejected):
        keys.find(key)


def test_the_keys_of_who_may_no_longer_act_are_over_at_once_and_nobody_elses(city: CityWithPeople) -> None:
    keys = AccessKeys(city.database, clock=city.clock)
    hers, also_hers, the_clocks = (digest(issued(city, one)) for one in ("user:li", "user:li", "service:clock"))
    assert keys.end("user:li") == 2
    for key in (hers, also_hers):
        with pytest.raises(CredentialRejected):
            keys.find(key)
    assert keys.find(the_clocks)
    assert keys.end("user:li") == 0


def test_an_unknown_key_is_refused(city: CityWithPeople) -> None:
    with pytest.raises(CredentialRejected):
        AccessKeys(city.database, clock=city.clock).find(digest("cg_" + "A" * 43))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "cg_",
        "cg_" + "A" * 42,
        "cg_" + "A" * 44,
        "CG_" + "A" * 43,
        "cg_" + "A" * 42 + "\n",
        "cg_" + "A" * 43 + "\n",
        " cg_" + "A" * 43,
        "cg_" + "é" * 43,
        "cg_" + "٣" * 43,
        "cg_" + "A" * 42 + "%",
        "A" * 46,
    ],
)
def test_what_is_not_formed_like_a_key_is_refused_before_it_is_looked_up(key: str) -> None:
    with pytest.raises(CredentialRejected):
        digest(key)


def test_no_two_keys_are_the_same(city: CityWithPeople) -> None:
    assert len({issued(city) for _ in range(100)}) == 100
