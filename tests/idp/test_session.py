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
from storage.redis_stores import RedisEphemeral
from tests.acts import an_act
from tests.idp.people import NOW
from tests.idp.signed_in import CONSOLE, MARRIAGE, SignedInPeople, key_of


def test_a_session_says_who_where_and_how_well_proven(signed_in: SignedInPeople) -> None:
    found = signed_in.find(signed_in.begin())
    assert (found.person, found.name, found.department, found.host) == ("user:li", "li", "civil", CONSOLE)
    assert (found.assurance, found.address, found.started_at, found.seen_at) == (2, "192.0.2.7", NOW, NOW)


def test_every_sign_in_gives_a_new_cookie_and_the_browsers_old_one_is_dead(signed_in: SignedInPeople) -> None:
    cookies = [signed_in.begin(sid="sid-0")]
    for _ in range(3):
        cookies.append(signed_in.begin(previous=cookies[-1]))
    assert len(set(cookies)) == 4
    assert [signed_in.is_alive(one) for one in cookies] == [False, False, False, True]


def test_a_cookie_somebody_planted_never_becomes_a_session(signed_in: SignedInPeople) -> None:
    planted = "A" * 43
    assert signed_in.begin(previous=planted) != planted
    assert not signed_in.is_alive(planted)


def test_another_browsers_cookie_of_the_same_session_lives_on(signed_in: SignedInPeople) -> None:
    marriage, first = signed_in.begin(host=MARRIAGE), signed_in.begin()
    signed_in.begin(previous=first, assurance=3)
    assert signed_in.is_alive(marriage)
    assert not signed_in.is_alive(first)


def test_a_step_up_raises_the_session_on_every_host_and_nothing_lowers_it(signed_in: SignedInPeople) -> None:
    marriage, console = signed_in.begin(host=MARRIAGE), signed_in.begin(assurance=3)
    assert signed_in.id(marriage) == signed_in.id(console)
    assert signed_in.find(marriage).assurance == 3
    signed_in.begin(assurance=2)
    assert signed_in.find(console).assurance == 3


def test_another_sign_in_at_the_issuer_is_another_session(signed_in: SignedInPeople) -> None:
    one = signed_in.begin()
    assert signed_in.id(one) != signed_in.id(signed_in.begin(sid="sid-2"))
    assert signed_in.id(one) != signed_in.id(signed_in.begin(iss="other"))
    assert signed_in.id(one) != signed_in.id(signed_in.begin(who="wang"))


def test_of_many_sign_ins_at_once_there_is_one_session(signed_in: SignedInPeople) -> None:
    with ThreadPoolExecutor(8) as threads:
        cookies = list(threads.map(lambda n: signed_in.begin(host=f"h{n % 3}", assurance=2 + n % 2), range(24)))
    assert len(set(cookies)) == 24
    assert len({signed_in.id(one) for one in cookies}) == 1
    (only,) = signed_in.city.rows(store.session)
    assert only["assurance"] == 3


def test_a_session_nobody_uses_is_over_after_half_an_hour(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin()
    signed_in.city.clock.add(minutes=29, seconds=59)
    assert signed_in.is_alive(cookie)
    signed_in.sessions.touch([signed_in.id(cookie)])
    signed_in.city.clock.add(minutes=29, seconds=59)
    assert signed_in.is_alive(cookie)
    signed_in.city.clock.add(seconds=1)
    assert not signed_in.is_alive(cookie)


def test_a_session_that_is_used_is_over_after_eight_hours(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin()
    identifier = signed_in.id(cookie)
    for _ in range(24):
        signed_in.city.clock.add(minutes=19, seconds=59)
        signed_in.sessions.touch([identifier])
    assert signed_in.is_alive(cookie)
    signed_in.begin(previous="", assurance=3)  # neither does a step-up make it younger
    signed_in.city.clock.add(seconds=24)
    assert not signed_in.is_alive(cookie)


def test_what_was_looked_up_earlier_ends_at_the_same_moments(signed_in: SignedInPeople) -> None:
    found = signed_in.find(signed_in.begin())
    assert signed_in.sessions.is_alive(found, NOW + timedelta(minutes=29, seconds=59))
    assert not signed_in.sessions.is_alive(found, NOW + timedelta(minutes=30))
    used = replace(found, seen_at=NOW + timedelta(hours=8))
    assert not signed_in.sessions.is_alive(used, NOW + timedelta(hours=8))


def test_a_late_note_of_use_makes_no_second_session_a_trap(signed_in: SignedInPeople) -> None:
    """A session idle too long was begun anew, then the note came that the old one had been used after all."""
    old = signed_in.begin()
    identifier = signed_in.id(old)
    signed_in.city.clock.add(minutes=30)
    new = signed_in.begin()
    signed_in.sessions.touch([identifier])
    assert signed_in.is_alive(old)
    assert signed_in.id(signed_in.begin(previous=new)) == signed_in.id(signed_in.begin())


def test_neither_cookie_nor_id_token_is_on_the_disk(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin(refresh_token="a-canary-of-refreshing")
    at_rest = signed_in.city.bytes_at_rest() + at_rest_in_redis(signed_in)
    assert hashlib.sha256(cookie.encode()).hexdigest().encode() in at_rest
    for secret in (cookie, signed_in.find(cookie).csrf, "canary"):
        assert secret.encode() not in at_rest


def at_rest_in_redis(signed_in: SignedInPeople) -> bytes:
    if not isinstance(signed_in.ephemeral, RedisEphemeral):
        return b""
    client = signed_in.ephemeral._client
    return b"".join(key + client.get(key) for key in client.keys("*"))


def test_each_cookie_is_known_on_its_own_host_alone(signed_in: SignedInPeople) -> None:
    marriage, console = signed_in.begin(host=MARRIAGE), signed_in.begin(host=CONSOLE)
    assert signed_in.find(marriage).host == MARRIAGE
    assert signed_in.find(console).host == CONSOLE


@pytest.mark.parametrize(
    "cookie", ["", "A" * 42, "A" * 44, "A" * 42 + "\n", "A" * 43 + "\n", "A" * 42 + "=", "é" * 43, "A" * 5000]
)
def test_what_is_not_formed_like_a_cookie_is_refused(signed_in: SignedInPeople, cookie: str) -> None:
    with pytest.raises(CredentialRejected):
        digest(cookie)
    assert signed_in.is_alive(signed_in.begin(previous=cookie))


def test_the_sweep_forgets_cookies_at_their_last_moment_and_keeps_the_sessions_record(
    signed_in: SignedInPeople,
) -> None:
    if isinstance(signed_in.ephemeral, RedisEphemeral):
        signed_in.begin()
        (key,) = signed_in.ephemeral._client.keys("*")
        assert 0 < signed_in.ephemeral._client.ttl(key) <= 8 * 3600
        return
    signed_in.begin()
    signed_in.city.clock.add(hours=7, minutes=59)
    live = signed_in.begin()
    assert signed_in.sessions.sweep() == 0
    signed_in.city.clock.add(minutes=1)
    assert signed_in.sessions.sweep() == 1
    assert signed_in.is_alive(live)
    assert len(signed_in.city.rows(store.session)) == 2


def test_a_person_sees_her_live_sessions_newest_first(signed_in: SignedInPeople) -> None:
    first = signed_in.id(signed_in.begin())
    signed_in.city.clock.add(minutes=1)
    second = signed_in.id(signed_in.begin(sid="sid-2"))
    signed_in.begin(who="wang", sid="w")
    assert [one.id for one in signed_in.sessions.list_alive("user:li")] == [second, first]
    signed_in.city.clock.add(minutes=29)
    assert [one.id for one in signed_in.sessions.list_alive("user:li")] == [second]


def test_a_forms_token_is_of_one_session_on_one_host_and_outlives_a_step_up(signed_in: SignedInPeople) -> None:
    def token(cookie: str) -> str:
        return signed_in.find(cookie).csrf

    first = signed_in.begin()
    before = token(first)
    assert len(before) == 32
    assert token(signed_in.begin(previous=first, assurance=3)) == before
    assert (
        len(
            {
                before,
                token(signed_in.begin(host=MARRIAGE)),
                token(signed_in.begin(sid="sid-2")),
                token(signed_in.begin(who="wang")),
            }
        )
        == 4
    )


def test_what_was_forgotten_is_a_new_sign_in_and_no_more(signed_in: SignedInPeople) -> None:
    cookie = signed_in.begin()
    identifier = signed_in.id(cookie)
    signed_in.ephemeral.remove(key_of(cookie))
    assert not signed_in.is_alive(cookie)
    assert signed_in.id(signed_in.begin()) == identifier  # the row was the session all along


def test_an_entry_written_by_hand_or_moved_to_another_cookie_opens_nothing(signed_in: SignedInPeople) -> None:
    mine, others = signed_in.begin(who="wang", sid="w"), signed_in.begin()
    sealed = signed_in.kept(others)
    plain = b'{"session": "%s", "host": "console.localhost"}' % signed_in.id(others).encode()
    for forged in (
        sealed,
        plain,
        b"",
        b"\x01" + bytes(60),
        sealed[:-1],
        Seal(b"t" * 32).seal(plain, purpose=key_of(mine)),
    ):
        signed_in.ephemeral.put(key_of(mine), forged, seconds=60)
        with pytest.raises(SessionUnknown):
            signed_in.find(mine)
    assert signed_in.is_alive(others)


def test_many_are_looked_up_together_and_each_is_told_its_own(signed_in: SignedInPeople) -> None:
    marriage, console = signed_in.begin(host=MARRIAGE), signed_in.begin(host=CONSOLE)
    ended, nobody = signed_in.begin(sid="sid-2"), digest("A" * 43)
    identifier = signed_in.id(marriage)
    signed_in.sessions.end(signed_in.id(ended), person_id="user:li", act=an_act(record="01K"))
    signed_in.ephemeral.put(f"cookie:{nobody.hex()}", signed_in.kept(console), seconds=60)
    found = signed_in.sessions.look_up([digest(ended), nobody, digest(marriage), digest(console)])
    assert {one: (each.id, each.host) for one, each in found.items()} == {
        digest(marriage): (identifier, MARRIAGE),
        digest(console): (identifier, CONSOLE),
    }
    assert found[digest(marriage)].csrf != found[digest(console)].csrf
    assert signed_in.sessions.look_up([nobody]) == {}


def test_all_sessions_of_a_busy_minute_are_written_down(signed_in: SignedInPeople) -> None:
    """More than a database takes in one statement."""
    cookies = [signed_in.begin(sid=f"sid-{number}") for number in range(2)]
    signed_in.city.clock.add(minutes=20)
    others = [f"nobody-{number}" for number in range(70_000)]
    signed_in.sessions.touch([signed_in.id(cookies[0]), *others, signed_in.id(cookies[1])])
    signed_in.city.clock.add(minutes=20)
    assert all(signed_in.is_alive(cookie) for cookie in cookies)
