"""Sessions: a new cookie at every sign-in, one parent for one sign-in at the issuer, and lives that are bounded."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from crypto.aead import Seal
from idp import store
from idp.errors import CredentialRejected, SessionUnknown
from idp.session import digest
from storage.shared import RedisEphemeral
from tests.acts import an_act
from tests.idp.people import NOW
from tests.idp.signed_in import CONSOLE, MARRIAGE, House, key_of


def test_a_session_says_who_where_and_how_well_proven(house: House) -> None:
    found = house.find(house.begin())
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
    assert house.find(marriage).assurance == 3
    house.begin(assurance=2)
    assert house.find(console).assurance == 3


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
    found = house.find(house.begin())
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


def test_neither_cookie_nor_id_token_is_on_the_disk(house: House) -> None:
    cookie = house.begin(refresh_token="a-canary-of-refreshing")
    at_rest = house.city.bytes_at_rest() + at_rest_in_redis(house)
    assert hashlib.sha256(cookie.encode()).hexdigest().encode() in at_rest
    for secret in (cookie, house.find(cookie).csrf, "canary"):
        assert secret.encode() not in at_rest


def at_rest_in_redis(house: House) -> bytes:
    if not isinstance(house.ephemeral, RedisEphemeral):
        return b""
    client = house.ephemeral._client
    return b"".join(key + client.get(key) for key in client.keys("*"))


def test_each_cookie_is_known_on_its_own_host_alone(house: House) -> None:
    marriage, console = house.begin(host=MARRIAGE), house.begin(host=CONSOLE)
    assert house.find(marriage).host == MARRIAGE
    assert house.find(console).host == CONSOLE


@pytest.mark.parametrize(
    "cookie", ["", "A" * 42, "A" * 44, "A" * 42 + "\n", "A" * 43 + "\n", "A" * 42 + "=", "é" * 43, "A" * 5000]
)
def test_what_is_not_formed_like_a_cookie_is_refused(house: House, cookie: str) -> None:
    with pytest.raises(CredentialRejected):
        digest(cookie)
    assert house.alive(house.begin(previous=cookie))


def test_the_sweep_forgets_cookies_at_their_last_moment_and_keeps_the_sessions_record(house: House) -> None:
    if isinstance(house.ephemeral, RedisEphemeral):
        house.begin()
        (key,) = house.ephemeral._client.keys("*")
        assert 0 < house.ephemeral._client.ttl(key) <= 8 * 3600
        return
    house.begin()
    house.city.clock.add(hours=7, minutes=59)
    live = house.begin()
    assert house.sessions.sweep() == 0
    house.city.clock.add(minutes=1)
    assert house.sessions.sweep() == 1
    assert house.alive(live)
    assert len(house.city.rows(store.session)) == 2


def test_a_person_sees_her_live_sessions_newest_first(house: House) -> None:
    first = house.id(house.begin())
    house.city.clock.add(minutes=1)
    second = house.id(house.begin(sid="sid-2"))
    house.begin(who="wang", sid="w")
    assert [one.id for one in house.sessions.list_alive("user:li")] == [second, first]
    house.city.clock.add(minutes=29)
    assert [one.id for one in house.sessions.list_alive("user:li")] == [second]


def test_a_forms_token_is_of_one_session_on_one_host_and_outlives_a_step_up(house: House) -> None:
    def token(cookie: str) -> str:
        return house.find(cookie).csrf

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


def test_what_was_forgotten_is_a_new_sign_in_and_no_more(house: House) -> None:
    cookie = house.begin()
    identifier = house.id(cookie)
    house.ephemeral.remove(key_of(cookie))
    assert not house.alive(cookie)
    assert house.id(house.begin()) == identifier  # the row was the session all along


def test_an_entry_written_by_hand_or_moved_to_another_cookie_opens_nothing(house: House) -> None:
    mine, others = house.begin(who="wang", sid="w"), house.begin()
    sealed = house.kept(others)
    plain = b'{"session": "%s", "host": "console.localhost"}' % house.id(others).encode()
    for forged in (
        sealed,
        plain,
        b"",
        b"\x01" + bytes(60),
        sealed[:-1],
        Seal(b"t" * 32).seal(plain, purpose=key_of(mine)),
    ):
        house.ephemeral.put(key_of(mine), forged, seconds=60)
        with pytest.raises(SessionUnknown):
            house.find(mine)
    assert house.alive(others)


def test_many_are_looked_up_together_and_each_is_told_its_own(house: House) -> None:
    marriage, console = house.begin(host=MARRIAGE), house.begin(host=CONSOLE)
    ended, nobody = house.begin(sid="sid-2"), digest("A" * 43)
    identifier = house.id(marriage)
    house.sessions.end(house.id(ended), person_id="user:li", act=an_act(record="01K"))
    house.ephemeral.put(f"cookie:{nobody.hex()}", house.kept(console), seconds=60)
    found = house.sessions.look_up([digest(ended), nobody, digest(marriage), digest(console)])
    assert {one: (each.id, each.host) for one, each in found.items()} == {
        digest(marriage): (identifier, MARRIAGE),
        digest(console): (identifier, CONSOLE),
    }
    assert found[digest(marriage)].csrf != found[digest(console)].csrf
    assert house.sessions.look_up([nobody]) == {}


def test_all_sessions_of_a_busy_minute_are_written_down(house: House) -> None:
    """More than a database takes in one statement."""
    cookies = [house.begin(sid=f"sid-{number}") for number in range(2)]
    house.city.clock.add(minutes=20)
    others = [f"nobody-{number}" for number in range(70_000)]
    house.sessions.touch([house.id(cookies[0]), *others, house.id(cookies[1])])
    house.city.clock.add(minutes=20)
    assert all(house.alive(cookie) for cookie in cookies)
