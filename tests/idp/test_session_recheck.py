"""Sessions whose sign-in is asked for again: at the issuer, every five minutes, and what its answer means."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from idp import store
from idp.errors import IssuerUnavailable, LoginRejected, SessionUnknown
from tests.acts import an_act
from tests.idp.signed_in import House


def test_a_sign_in_is_asked_for_again_every_five_minutes_with_the_newest_token(house: House) -> None:
    cookie = house.begin(refresh_token="r")
    house.city.clock.add(minutes=4, seconds=59)
    assert (house.alive(cookie), house.asked) == (True, [])
    house.city.clock.add(seconds=1)
    for _ in range(3):
        assert house.alive(cookie)
    house.city.clock.add(minutes=5)
    assert house.alive(cookie)
    assert house.asked == ["r", "r'"]


def test_a_sign_in_without_a_token_is_never_asked_for(house: House) -> None:
    cookie = house.begin()
    house.city.clock.add(minutes=29)
    assert (house.alive(cookie), house.asked) == (True, [])


def test_a_sign_in_that_no_longer_counts_ends_the_session_under_the_record_that_found_out(house: House) -> None:
    cookie = house.begin(refresh_token="r")
    identifier = house.id(cookie)

    def refuse(_token: str) -> str:
        raise LoginRejected("invalid_grant")

    house.answer = refuse
    house.city.clock.add(minutes=5)
    with pytest.raises(SessionUnknown):
        house.find(cookie, record="01FOUND")
    (row,) = house.city.rows(store.session)
    assert (row["end_record"], row["ended_at"], row["refresh_token"]) == ("01FOUND", house.city.clock(), b"")
    assert house.ended() == [identifier]
    assert not house.alive(cookie)
    assert house.asked == ["r"]


def test_an_issuer_that_is_away_ends_nothing_and_lets_nobody_on(house: House) -> None:
    cookie = house.begin(refresh_token="r")

    def away(_token: str) -> str:
        raise IssuerUnavailable

    good, house.answer = house.answer, away
    house.city.clock.add(minutes=5)
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            house.find(cookie)
    house.answer = good
    assert house.alive(cookie)
    assert house.ended() == []


def test_of_many_requests_at_once_one_asks_and_the_others_go_on_for_a_moment(house: House) -> None:
    cookie = house.begin(refresh_token="r")
    asking, go_on = threading.Event(), threading.Event()

    def slowly(token: str) -> str:
        asking.set()
        assert go_on.wait(20)
        return token + "'"

    house.answer = slowly
    house.city.clock.add(minutes=5)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(house.find, cookie)
        assert asking.wait(5)
        assert house.alive(cookie)
        house.city.clock.add(seconds=11)
        with pytest.raises(IssuerUnavailable):  # nobody lives on an answer that does not come
            house.find(cookie)
        with ThreadPoolExecutor(4) as more:  # the parts of a page that is opened after a while
            parts = [more.submit(house.find, cookie) for _ in range(4)]
            time.sleep(0.2)
            go_on.set()
            assert len({part.result(10).id for part in parts}) == 1
        first.result(10)
    assert house.asked == ["r"]


def test_a_refusal_of_a_token_that_was_replaced_meanwhile_ends_nothing(house: House) -> None:
    cookie = house.begin(refresh_token="r")

    def refuse(_token: str) -> str:
        house.begin(refresh_token="newer", assurance=3)
        raise LoginRejected("invalid_grant")

    house.answer = refuse
    house.city.clock.add(minutes=5)
    assert house.alive(cookie)
    assert house.ended() == []


def test_a_sign_out_while_the_issuer_is_asked_stays_a_sign_out(house: House) -> None:
    cookie = house.begin(refresh_token="r")
    identifier = house.id(cookie)

    def meanwhile(token: str) -> str:
        house.sessions.end(identifier, person_id="user:li", act=an_act(record="01K"))
        return token

    house.answer = meanwhile
    house.city.clock.add(minutes=5)
    house.alive(cookie)
    assert not house.alive(cookie)
    (row,) = house.city.rows(store.session)
    assert (row["end_record"], row["refresh_token"]) == ("01K", b"")
