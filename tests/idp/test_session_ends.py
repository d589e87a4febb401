"""Sessions that were ended: on every host, at every gateway, and for good."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from idp import store
from idp.errors import LoginRejected, SessionUnknown
from storage.errors import StorageUnavailable
from tests.acts import an_act
from tests.idp.people import NOW
from tests.idp.signed_in import CONSOLE, MARRIAGE, House, key_of


def test_ending_one_session_ends_it_on_every_host_and_no_other(house: House) -> None:
    marriage, console, other = house.begin(host=MARRIAGE), house.begin(), house.begin(sid="sid-2")
    identifier = house.id(console)
    assert house.sessions.hosts(identifier) == [CONSOLE, MARRIAGE]
    hint, epoch = house.sessions.end(identifier, person_id="user:li", act=an_act(record="01K"))
    assert (hint, epoch, house.ended()) == ("eyJ.canary.token", 1, [identifier])
    assert [house.alive(one) for one in (marriage, console, other)] == [False, False, True]
    row = next(row for row in house.city.rows(store.session) if row["id"] == identifier)
    assert (row["record"], row["end_record"], row["ended_at"]) == ("01J", "01K", NOW)
    with pytest.raises(SessionUnknown):
        house.sessions.end(identifier, person_id="user:li", act=an_act(record="01L"))


def test_nobody_ends_the_session_of_somebody_else(house: House) -> None:
    cookie = house.begin()
    for person in ("user:wang", "", "user:l%"):
        with pytest.raises(SessionUnknown):
            house.sessions.end(house.id(cookie), person_id=person, act=an_act(record="01K"))
    assert house.alive(cookie)


def test_after_an_end_the_same_sign_in_begins_another_session(house: House) -> None:
    cookie = house.begin()
    identifier = house.id(cookie)
    house.sessions.end(identifier, person_id="user:li", act=an_act(record="01K"))
    assert house.id(house.begin()) != identifier


def test_signing_out_everywhere_ends_all_of_hers_and_counts_no_earlier_sign_in(house: House) -> None:
    mine, others = (
        [house.begin(), house.begin(sid="sid-2"), house.begin(host=MARRIAGE)],
        house.begin(who="wang", sid="w"),
    )
    ids = {house.id(one) for one in mine}
    house.city.clock.add(seconds=5)
    ended, epoch = house.sessions.end_all("user:li", house.city.directory, act=an_act(record="01K"))
    assert (set(ended), set(house.ended()), epoch) == (ids, ids, 1)
    assert [house.alive(one) for one in (*mine, others)] == [False, False, False, True]
    assert set(house.sessions.list_ended_within(60)) == ids
    for auth_time in (NOW, NOW + timedelta(seconds=4.999)):
        with pytest.raises(LoginRejected) as refused:
            house.begin(auth_time=auth_time)
        assert refused.value.return_to == "/files"
    assert house.alive(house.begin(auth_time=NOW + timedelta(seconds=5)))


def test_no_sign_in_slips_past_a_sign_out_everywhere_at_the_same_moment(house: House) -> None:
    """Whatever the order: afterwards no session of a sign-in made before is alive."""
    for number in range(20):
        house.city.clock.add(minutes=1)
        before = house.city.clock()
        house.city.clock.add(seconds=1)

        def sign_in(place: int, before: object = before, number: int = number) -> str:
            try:
                return house.begin(sid=f"{number}-{place}", auth_time=before)
            except LoginRejected:
                return ""

        with ThreadPoolExecutor(4) as threads:
            begun = [threads.submit(sign_in, place) for place in range(3)]
            ended = threads.submit(house.sessions.end_all, "user:li", house.city.directory, act=an_act(record="01K"))
            ended.result()
            cookies = [one.result() for one in begun]
        assert not any(house.alive(cookie) for cookie in cookies if cookie)


def test_an_entry_that_outlives_its_session_opens_nothing(house: House) -> None:
    cookie = house.begin()
    kept = house.kept(cookie)
    house.sessions.end(house.id(cookie), person_id="user:li", act=an_act(record="01K"))
    house.ephemeral.put(key_of(cookie), kept, seconds=9999)
    assert not house.alive(cookie)


def test_a_sign_on_that_ended_at_the_issuer_ends_what_began_with_it(house: House) -> None:
    cookies = [house.begin(), house.begin(host=MARRIAGE), house.begin(sid="sid-2"), house.begin(iss="other")]
    first = house.id(cookies[0])
    assert house.sessions.end_sign_on(iss="local", sid="sid-1", act=an_act(record="01L")) == 1
    assert [house.alive(one) for one in cookies] == [False, False, True, True]
    assert house.ended() == [first]
    assert house.sessions.end_sign_on(iss="local", sid="sid-1", act=an_act(record="01L")) is None
    assert house.sessions.end_sign_on(iss="local", sid="", act=an_act(record="01L")) is None


def test_an_end_that_could_not_be_counted_is_no_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is part of the transaction: no session ends that a gateway goes on to let through."""
    cookie = house.begin(refresh_token="r")
    identifier = house.id(cookie)

    def away(*_: object) -> int:
        raise StorageUnavailable

    def refuse(_token: str) -> str:
        raise LoginRejected("invalid_grant")

    def asked_again() -> None:
        house.answer = refuse
        house.city.clock.add(minutes=5)
        house.find(cookie)

    monkeypatch.setattr(house.epochs, "bump", away)
    for attempt in (
        lambda: house.sessions.end(identifier, person_id="user:li", act=an_act(record="01K")),
        lambda: house.sessions.end_all("user:li", house.city.directory, act=an_act(record="01K")),
        lambda: house.sessions.end_sign_on(iss="local", sid="sid-1", act=an_act(record="01K")),
        asked_again,
    ):
        with pytest.raises(StorageUnavailable):
            attempt()
    house.answer = lambda token: token
    assert house.alive(cookie)
    (person,) = [one for one in house.city.rows(store.person) if one["id"] == "user:li"]
    assert person["not_before"] == NOW
