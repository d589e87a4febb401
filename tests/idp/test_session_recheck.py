"""Sessions whose sign-in is asked for again: at the issuer, every five minutes, and what its answer means."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from idp import store
from idp.errors import IssuerUnavailable, LoginRejected, SessionUnknown
from tests.acts import an_act
from tests.idp.signed_in import SignedInPeople


def test_a_sign_in_is_asked_for_again_every_five_minutes_with_the_newest_token(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin(refresh_token="r")
    signed_in.city.clock.add(minutes=4, seconds=59)
    assert (signed_in.is_alive(cookie), signed_in.asked) == (True, [])
    signed_in.city.clock.add(seconds=1)
    for _ in range(3):
        assert signed_in.is_alive(cookie)
    signed_in.city.clock.add(minutes=5)
    assert signed_in.is_alive(cookie)
    assert signed_in.asked == ["r", "r'"]


def test_a_sign_in_without_a_token_is_never_asked_for(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin()
    signed_in.city.clock.add(minutes=29)
    assert (signed_in.is_alive(cookie), signed_in.asked) == (True, [])


def test_a_sign_in_that_no_longer_counts_ends_the_session_under_the_record_that_found_out(
    signed_in: SignedInPeople,
) -> None:
    cookie = signed_in.begin(refresh_token="r")
    identifier = signed_in.id(cookie)

    def refuse(_token: str) -> str:
        raise LoginRejected("invalid_grant")

    signed_in.answer = refuse
    signed_in.city.clock.add(minutes=5)
    with pytest.raises(SessionUnknown):
        signed_in.find(cookie, record="01FOUND")
    (row,) = signed_in.city.rows(store.session)
    assert (row["end_record"], row["ended_at"], row["refresh_token"]) == ("01FOUND", signed_in.city.clock(), b"")
    assert signed_in.list_ended() == [identifier]
    assert not signed_in.is_alive(cookie)
    assert signed_in.asked == ["r"]


def test_an_issuer_that_is_away_ends_nothing_and_lets_nobody_on(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin(refresh_token="r")

    def away(_token: str) -> str:
        raise IssuerUnavailable

    good, signed_in.answer = signed_in.answer, away
    signed_in.city.clock.add(minutes=5)
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            signed_in.find(cookie)
    signed_in.answer = good
    assert signed_in.is_alive(cookie)
    assert signed_in.list_ended() == []


def test_of_many_requests_at_once_one_asks_and_the_others_go_on_for_a_moment(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin(refresh_token="r")
    asking, go_on = threading.Event(), threading.Event()

    def slowly(token: str) -> str:
        asking.set()
        assert go_on.wait(20)
        return token + "'"

    signed_in.answer = slowly
    signed_in.city.clock.add(minutes=5)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(signed_in.find, cookie)
        assert asking.wait(5)
        assert signed_in.is_alive(cookie)
        signed_in.city.clock.add(seconds=11)
        with pytest.raises(IssuerUnavailable):  # nobody lives on an answer that does not come
            signed_in.find(cookie)
        with ThreadPoolExecutor(4) as more:  # the parts of a page that is opened after a while
            parts = [more.submit(signed_in.find, cookie) for _ in range(4)]
            time.sleep(0.2)
            go_on.set()
            assert len({part.result(10).id for part in parts}) == 1
        first.result(10)
    assert signed_in.asked == ["r"]


def test_a_refusal_of_a_token_that_was_replaced_meanwhile_ends_nothing(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin(refresh_token="r")

    def refuse(_token: str) -> str:
        signed_in.begin(refresh_token="newer", assurance=3)
        raise LoginRejected("invalid_grant")

    signed_in.answer = refuse
    signed_in.city.clock.add(minutes=5)
    assert signed_in.is_alive(cookie)
    assert signed_in.list_ended() == []


def test_a_sign_out_while_the_issuer_is_asked_stays_a_sign_out(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin(refresh_token="r")
    identifier = signed_in.id(cookie)

    def meanwhile(token: str) -> str:
        signed_in.sessions.end(identifier, person_id="user:li", act=an_act(record="01K"))
        return token

    signed_in.answer = meanwhile
    signed_in.city.clock.add(minutes=5)
    signed_in.is_alive(cookie)
    assert not signed_in.is_alive(cookie)
    (row,) = signed_in.city.rows(store.session)
    assert (row["end_record"], row["refresh_token"]) == ("01K", b"")
