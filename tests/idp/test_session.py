"""Sessions: a new cookie at every sign-in, one parent for one sign-in at the issuer, and ends that are ends."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.aead import Seal
from idp import store
from idp.errors import CredentialRejected, LoginRejected, SessionUnknown
from idp.relying_party import Completed
from idp.session import Sessions, digest
from tests.idp.people import NOW, Town, town

CONSOLE, MARRIAGE = "console.localhost", "marriage.localhost"
LOGIN = Completed(
    iss="local",
    sub="user:li",
    sid="sid-1",
    name="li",
    assurance=2,
    auth_time=NOW,
    id_token="eyJ.canary.token",
    return_to="/files",
    cookie_name="",
)


class House:
    """Sessions of one town, and logins into it."""

    def __init__(self, city: Town) -> None:
        self.city = city
        city.add("li", "wang")
        self.sessions = Sessions(city.database, Seal(b"s" * 32), clock=city.clock, mint=city.mint)

    def begin(self, *, who: str = "li", host: str = CONSOLE, previous: str = "", **login: object) -> str:
        made = replace(LOGIN, **{"auth_time": self.city.clock()} | login)
        return self.sessions.begin(
            made, person_id=f"user:{who}", host=host, address="192.0.2.7", previous=previous, record="01J"
        )

    def alive(self, cookie: str) -> bool:
        try:
            self.sessions.find(digest(cookie))
        except SessionUnknown:
            return False
        return True

    def id(self, cookie: str) -> str:
        return self.sessions.find(digest(cookie)).id


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with town(tmp_path) as city:
        yield House(city)


def test_a_session_says_who_where_and_how_well_proven(house: House) -> None:
    found = house.sessions.find(digest(house.begin()))
    assert (found.person, found.name, found.department, found.host) == ("user:li", "li", "civil", CONSOLE)
    assert (found.assurance, found.address, found.started_at, found.seen_at) == (2, "192.0.2.7", NOW, NOW)


def test_every_sign_in_gives_a_new_cookie_and_the_browsers_old_one_is_dead(house: House) -> None:
    cookies = [house.begin(sid="sid-0")]
    for _ in range(3):
        cookies.append(house.begin(previous=cookies[-1]))
    assert len(set(cookies)) == 4
    assert [house.alive(one) for one in cookies] == [False, False, False, True]


def test_a_cookie_somebody_planted_never_becomes_a_session(house: House) -> None:
    planted = "A" * 43
    assert house.begin(previous=planted) != planted
    assert not house.alive(planted)


def test_another_browsers_cookie_of_the_same_session_lives_on(house: House) -> None:
    marriage, first = house.begin(host=MARRIAGE), house.begin()
    house.begin(previous=first, assurance=3)
    assert house.alive(marriage)
    assert not house.alive(first)


def test_a_step_up_raises_the_session_on_every_host_and_nothing_lowers_it(house: House) -> None:
    marriage, console = house.begin(host=MARRIAGE), house.begin(assurance=3)
    assert house.id(marriage) == house.id(console)
    assert house.sessions.find(digest(marriage)).assurance == 3
    house.begin(assurance=2)
    assert house.sessions.find(digest(console)).assurance == 3


def test_another_sign_in_at_the_issuer_is_another_session(house: House) -> None:
    one = house.begin()
    assert house.id(one) != house.id(house.begin(sid="sid-2"))
    assert house.id(one) != house.id(house.begin(iss="other"))
    assert house.id(one) != house.id(house.begin(who="wang"))


def test_of_many_sign_ins_at_once_there_is_one_session(house: House) -> None:
    with ThreadPoolExecutor(8) as threads:
        cookies = list(threads.map(lambda n: house.begin(host=f"h{n % 3}", assurance=2 + n % 2), range(24)))
    assert len(set(cookies)) == 24
    assert len({house.id(one) for one in cookies}) == 1
    (only,) = house.city.rows(store.session)
    assert only["assurance"] == 3


def test_a_session_nobody_uses_is_over_after_half_an_hour(house: House) -> None:
    cookie = house.begin()
    house.city.clock.add(minutes=29, seconds=59)
    assert house.alive(cookie)
    house.sessions.touch([house.id(cookie)])
    house.city.clock.add(minutes=29, seconds=59)
    assert house.alive(cookie)
    house.city.clock.add(seconds=1)
    assert not house.alive(cookie)


def test_a_session_that_is_used_is_over_after_eight_hours(house: House) -> None:
    cookie = house.begin()
    identifier = house.id(cookie)
    for _ in range(24):
        house.city.clock.add(minutes=19, seconds=59)
        house.sessions.touch([identifier])
    assert house.alive(cookie)
    house.begin(previous="", assurance=3)  # neither does a step-up make it younger
    house.city.clock.add(seconds=24)
    assert not house.alive(cookie)


def test_what_was_looked_up_earlier_ends_at_the_same_moments(house: House) -> None:
    found = house.sessions.find(digest(house.begin()))
    assert house.sessions.is_alive(found, NOW + timedelta(minutes=29, seconds=59))
    assert not house.sessions.is_alive(found, NOW + timedelta(minutes=30))
    used = replace(found, seen_at=NOW + timedelta(hours=8))
    assert not house.sessions.is_alive(used, NOW + timedelta(hours=8))


def test_a_late_note_of_use_makes_no_second_session_a_trap(house: House) -> None:
    """A session idle too long was begun anew, then the note came that the old one had been used after all."""
    old = house.begin()
    identifier = house.id(old)
    house.city.clock.add(minutes=30)
    new = house.begin()
    house.sessions.touch([identifier])
    assert house.alive(old)
    assert house.id(house.begin(previous=new)) == house.id(house.begin())


def test_ending_one_session_ends_it_on_every_host_and_no_other(house: House) -> None:
    marriage, console, other = house.begin(host=MARRIAGE), house.begin(), house.begin(sid="sid-2")
    identifier = house.id(console)
    assert house.sessions.hosts(identifier) == [CONSOLE, MARRIAGE]
    hint = house.sessions.end(identifier, person_id="user:li", record="01K")
    assert hint == "eyJ.canary.token"
    assert [house.alive(one) for one in (marriage, console, other)] == [False, False, True]
    row = next(row for row in house.city.rows(store.session) if row["id"] == identifier)
    assert (row["record"], row["end_record"], row["ended_at"]) == ("01J", "01K", NOW)
    with pytest.raises(SessionUnknown):
        house.sessions.end(identifier, person_id="user:li", record="01L")


def test_nobody_ends_the_session_of_somebody_else(house: House) -> None:
    cookie = house.begin()
    for person in ("user:wang", "", "user:l%"):
        with pytest.raises(SessionUnknown):
            house.sessions.end(house.id(cookie), person_id=person, record="01K")
    assert house.alive(cookie)


def test_after_an_end_the_same_sign_in_begins_another_session(house: House) -> None:
    cookie = house.begin()
    identifier = house.id(cookie)
    house.sessions.end(identifier, person_id="user:li", record="01K")
    assert house.id(house.begin()) != identifier


def test_signing_out_everywhere_ends_all_of_hers_and_counts_no_earlier_sign_in(house: House) -> None:
    mine, others = (
        [house.begin(), house.begin(sid="sid-2"), house.begin(host=MARRIAGE)],
        house.begin(who="wang", sid="w"),
    )
    ids = {house.id(one) for one in mine}
    house.city.clock.add(seconds=5)
    assert set(house.sessions.end_all("user:li", house.city.directory, record="01K")) == ids
    assert [house.alive(one) for one in (*mine, others)] == [False, False, False, True]
    assert set(house.sessions.ended_within(60)) == ids
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
            ended = threads.submit(house.sessions.end_all, "user:li", house.city.directory, record="01K")
            ended.result()
            cookies = [one.result() for one in begun]
        assert not any(house.alive(cookie) for cookie in cookies if cookie)


def test_neither_cookie_nor_id_token_is_on_the_disk(house: House) -> None:
    cookie = house.begin()
    at_rest = house.city.bytes_at_rest()
    assert hashlib.sha256(cookie.encode()).digest() in at_rest
    for secret in (cookie, house.sessions.find(digest(cookie)).csrf, "canary"):
        assert secret.encode() not in at_rest


def test_each_cookie_is_known_on_its_own_host_alone(house: House) -> None:
    marriage, console = house.begin(host=MARRIAGE), house.begin(host=CONSOLE)
    assert house.sessions.find(digest(marriage)).host == MARRIAGE
    assert house.sessions.find(digest(console)).host == CONSOLE


@pytest.mark.parametrize(
    "cookie", ["", "A" * 42, "A" * 44, "A" * 42 + "\n", "A" * 43 + "\n", "A" * 42 + "=", "é" * 43, "A" * 5000]
)
def test_what_is_not_formed_like_a_cookie_is_refused(house: House, cookie: str) -> None:
    with pytest.raises(CredentialRejected):
        digest(cookie)
    assert house.alive(house.begin(previous=cookie))


def test_the_sweep_forgets_the_cookies_of_what_is_over_and_keeps_the_sessions_record(house: House) -> None:
    house.begin()
    house.city.clock.add(minutes=31)
    live, ended = house.begin(), house.begin(sid="sid-2")
    house.sessions.end(house.id(ended), person_id="user:li", record="01K")
    assert house.sessions.sweep() == 1
    assert [row["host"] for row in house.city.rows(store.host_session)] == [CONSOLE]
    assert house.alive(live)
    assert len(house.city.rows(store.session)) == 3


def test_a_person_sees_her_live_sessions_newest_first(house: House) -> None:
    first = house.id(house.begin())
    house.city.clock.add(minutes=1)
    second = house.id(house.begin(sid="sid-2"))
    house.begin(who="wang", sid="w")
    assert [one.id for one in house.sessions.of("user:li")] == [second, first]
    house.city.clock.add(minutes=29)
    assert [one.id for one in house.sessions.of("user:li")] == [second]


def test_a_forms_token_is_of_one_session_on_one_host_and_outlives_a_step_up(house: House) -> None:
    def token(cookie: str) -> str:
        return house.sessions.find(digest(cookie)).csrf

    first = house.begin()
    before = token(first)
    assert len(before) == 32
    assert token(house.begin(previous=first, assurance=3)) == before
    assert (
        len(
            {before, token(house.begin(host=MARRIAGE)), token(house.begin(sid="sid-2")), token(house.begin(who="wang"))}
        )
        == 4
    )
