"""Sessions that were ended: on every host, at every gateway, and for good."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from idp import store
from idp.errors import LoginRejected, SessionUnknown
from storage.errors import StorageUnavailable
from tests.acts import an_act
from tests.idp.people import NOW
from tests.idp.signed_in import CONSOLE, MARRIAGE, SignedInPeople, key_of


def test_ending_one_session_ends_it_on_every_host_and_no_other(signed_in: SignedInPeople) -> None:
    marriage, console, other = signed_in.begin(host=MARRIAGE), signed_in.begin(), signed_in.begin(sid="sid-2")
    identifier = signed_in.id(console)
    assert signed_in.sessions.hosts(identifier) == [CONSOLE, MARRIAGE]
    hint, epoch = signed_in.sessions.end(identifier, person_id="user:li", act=an_act(record="01K"))
    assert (hint, epoch, signed_in.list_ended()) == ("eyJ.canary.token", 1, [identifier])
    assert [signed_in.is_alive(one) for one in (marriage, console, other)] == [False, False, True]
    row = next(row for row in signed_in.city.rows(store.session) if row["id"] == identifier)
    assert (row["record"], row["end_record"], row["ended_at"]) == ("01J", "01K", NOW)
    with pytest.raises(SessionUnknown):
        signed_in.sessions.end(identifier, person_id="user:li", act=an_act(record="01L"))


def test_nobody_ends_the_session_of_somebody_else(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin()
    for person in ("user:wang", "", "user:l%"):
        with pytest.raises(SessionUnknown):
            signed_in.sessions.end(signed_in.id(cookie), person_id=person, act=an_act(record="01K"))
    assert signed_in.is_alive(cookie)


def test_after_an_end_the_same_sign_in_begins_another_session(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin()
    identifier = signed_in.id(cookie)
    signed_in.sessions.end(identifier, person_id="user:li", act=an_act(record="01K"))
    assert signed_in.id(signed_in.begin()) != identifier


def test_signing_out_everywhere_ends_all_of_hers_and_counts_no_earlier_sign_in(signed_in: SignedInPeople) -> None:
    mine, others = (
        [signed_in.begin(), signed_in.begin(sid="sid-2"), signed_in.begin(host=MARRIAGE)],
        signed_in.begin(who="wang", sid="w"),
    )
    ids = {signed_in.id(one) for one in mine}
    signed_in.city.clock.add(seconds=5)
    ended, epoch = signed_in.sessions.end_all("user:li", signed_in.city.directory, act=an_act(record="01K"))
    assert (set(ended), set(signed_in.list_ended()), epoch) == (ids, ids, 1)
    assert [signed_in.is_alive(one) for one in (*mine, others)] == [False, False, False, True]
    assert set(signed_in.sessions.list_ended_within(60)) == ids
    for auth_time in (NOW, NOW + timedelta(seconds=4.999)):
        with pytest.raises(LoginRejected) as refused:
            signed_in.begin(auth_time=auth_time)
        assert refused.value.return_to == "/files"
    assert signed_in.is_alive(signed_in.begin(auth_time=NOW + timedelta(seconds=5)))


def test_no_sign_in_slips_past_a_sign_out_everywhere_at_the_same_moment(signed_in: SignedInPeople) -> None:
    """Whatever the order: afterwards no session of a sign-in made before is alive."""
    for number in range(20):
        signed_in.city.clock.add(minutes=1)
        before = signed_in.city.clock()
        signed_in.city.clock.add(seconds=1)

        def sign_in(place: int, before: object = before, number: int = number) -> str:
            try:
                return signed_in.begin(sid=f"{number}-{place}", auth_time=before)
            except LoginRejected:
                return ""

        with ThreadPoolExecutor(4) as threads:
            begun = [threads.submit(sign_in, place) for place in range(3)]
            ended = threads.submit(
                signed_in.sessions.end_all, "user:li", signed_in.city.directory, act=an_act(record="01K")
            )
            ended.result()
            cookies = [one.result() for one in begun]
        assert not any(signed_in.is_alive(cookie) for cookie in cookies if cookie)


def test_an_entry_that_outlives_its_session_opens_nothing(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin()
    kept = signed_in.kept(cookie)
    signed_in.sessions.end(signed_in.id(cookie), person_id="user:li", act=an_act(record="01K"))
    signed_in.ephemeral.put(key_of(cookie), kept, seconds=9999)
    assert not signed_in.is_alive(cookie)


def test_a_sign_on_that_ended_at_the_issuer_ends_what_began_with_it(signed_in: SignedInPeople) -> None:
    cookies = [
        signed_in.begin(),
        signed_in.begin(host=MARRIAGE),
        signed_in.begin(sid="sid-2"),
        signed_in.begin(iss="other"),
    ]
    first = signed_in.id(cookies[0])
    assert signed_in.sessions.end_sign_on(iss="local", sid="sid-1", act=an_act(record="01L")) == 1
    assert [signed_in.is_alive(one) for one in cookies] == [False, False, True, True]
    assert signed_in.list_ended() == [first]
    assert signed_in.sessions.end_sign_on(iss="local", sid="sid-1", act=an_act(record="01L")) is None
    assert signed_in.sessions.end_sign_on(iss="local", sid="", act=an_act(record="01L")) is None


def test_an_end_that_could_not_be_counted_is_no_end(signed_in: SignedInPeople, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is part of the transaction: no session ends that a gateway goes on to let through."""
    cookie = signed_in.begin(refresh_token="r")
    identifier = signed_in.id(cookie)

    def away(*_: object) -> int:
        raise StorageUnavailable

    def refuse(_token: str) -> str:
        raise LoginRejected("invalid_grant")

    def asked_again() -> None:
        signed_in.answer = refuse
        signed_in.city.clock.add(minutes=5)
        signed_in.find(cookie)

    monkeypatch.setattr(signed_in.epochs, "bump", away)
    for attempt in (
        lambda: signed_in.sessions.end(identifier, person_id="user:li", act=an_act(record="01K")),
        lambda: signed_in.sessions.end_all("user:li", signed_in.city.directory, act=an_act(record="01K")),
        lambda: signed_in.sessions.end_sign_on(iss="local", sid="sid-1", act=an_act(record="01K")),
        asked_again,
    ):
        with pytest.raises(StorageUnavailable):
            attempt()
    signed_in.answer = lambda token: token
    assert signed_in.is_alive(cookie)
    (person,) = [one for one in signed_in.city.rows(store.person) if one["id"] == "user:li"]
    assert person["not_before"] == NOW
