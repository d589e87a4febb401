"""Sessions: a new cookie at every sign-in, one parent for one sign-in at the issuer, and ends that are ends."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crypto.aead import Seal
from idp import store
from idp.errors import CredentialRejected, IssuerUnavailable, LoginRejected, SessionUnknown
from idp.relying_party import Completed
from idp.session import Session, Sessions, digest
from storage.ephemeral import DatabaseEphemeral, Ephemeral
from storage.epoch import EpochSource, MemoryEpochs
from storage.errors import StorageUnavailable
from storage.shared import RedisEphemeral
from storage.shared_epoch import PostgresEpochs
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

    def __init__(self, city: Town, ephemeral: Ephemeral, epochs: EpochSource) -> None:
        self.city, self.ephemeral, self.epochs = city, ephemeral, epochs
        self.asked: list[str] = []  # refresh tokens, as the issuer saw them
        self.answer: Callable[[str], str] = lambda token: token + "'"
        city.add("li", "wang")
        self.sessions = Sessions(
            city.database, ephemeral, Seal(b"s" * 32), epochs=epochs, revalidate=self._revalidate, clock=city.clock,
            mint=city.mint,
        )  # fmt: skip

    def _revalidate(self, token: str) -> str:
        self.asked.append(token)
        return self.answer(token)

    def find(self, cookie: str, *, record: str = "01F") -> Session:
        return self.sessions.find(digest(cookie), record=record)

    def ended(self, *, since: int = 0) -> list[str]:
        """The sessions that a gateway would be told of."""
        changes = self.epochs.ask("a gateway", holds=since).changes
        assert changes is not None
        return [change.key for change in changes]

    def begin(self, *, who: str = "li", host: str = CONSOLE, previous: str = "", **login: object) -> str:
        made = replace(LOGIN, **{"auth_time": self.city.clock()} | login)
        return self.sessions.begin(
            made, person_id=f"user:{who}", host=host, address="192.0.2.7", previous=previous, record="01J"
        )

    def kept(self, cookie: str) -> bytes:
        """What the cookie leads to, sealed. Raises KeyError."""
        return self.ephemeral.get({key_of(cookie)})[key_of(cookie)]

    def alive(self, cookie: str) -> bool:
        try:
            self.find(cookie)
        except SessionUnknown:
            return False
        return True

    def id(self, cookie: str) -> str:
        return self.find(cookie).id


@pytest.fixture(params=["sqlite", "postgresql", "postgresql and redis"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """In each profile's stores; what is in Redis has the real time's lifetimes."""
    postgres = request.param != "sqlite"
    url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{tmp_path / 'city.db'}"
    with town(url) as city:
        ephemeral: Ephemeral = DatabaseEphemeral(city.database, clock=city.clock)
        if "redis" in request.param:
            ephemeral = RedisEphemeral(request.getfixturevalue("redis_client"))
        monotonic = time.monotonic
        epochs = PostgresEpochs(city.database, monotonic=monotonic) if postgres else MemoryEpochs(monotonic=monotonic)
        yield House(city, ephemeral, epochs)


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


def test_ending_one_session_ends_it_on_every_host_and_no_other(house: House) -> None:
    marriage, console, other = house.begin(host=MARRIAGE), house.begin(), house.begin(sid="sid-2")
    identifier = house.id(console)
    assert house.sessions.hosts(identifier) == [CONSOLE, MARRIAGE]
    hint, epoch = house.sessions.end(identifier, person_id="user:li", record="01K")
    assert (hint, epoch, house.ended()) == ("eyJ.canary.token", 1, [identifier])
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
    ended, epoch = house.sessions.end_all("user:li", house.city.directory, record="01K")
    assert (set(ended), set(house.ended()), epoch) == (ids, ids, 1)
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
    assert [one.id for one in house.sessions.of("user:li")] == [second, first]
    house.city.clock.add(minutes=29)
    assert [one.id for one in house.sessions.of("user:li")] == [second]


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


# ── what is kept where it may be forgotten ───────────────────────────────────────────────────────────────────────────


def key_of(cookie: str) -> str:
    return f"cookie:{digest(cookie).hex()}"


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


def test_an_entry_that_outlives_its_session_opens_nothing(house: House) -> None:
    cookie = house.begin()
    kept = house.kept(cookie)
    house.sessions.end(house.id(cookie), person_id="user:li", record="01K")
    house.ephemeral.put(key_of(cookie), kept, seconds=9999)
    assert not house.alive(cookie)


# ── ended by the issuer ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sign_on_that_ended_at_the_issuer_ends_what_began_with_it(house: House) -> None:
    cookies = [house.begin(), house.begin(host=MARRIAGE), house.begin(sid="sid-2"), house.begin(iss="other")]
    first = house.id(cookies[0])
    assert house.sessions.end_sign_on(iss="local", sid="sid-1", record="01L") == 1
    assert [house.alive(one) for one in cookies] == [False, False, True, True]
    assert house.ended() == [first]
    assert house.sessions.end_sign_on(iss="local", sid="sid-1", record="01L") is None
    assert house.sessions.end_sign_on(iss="local", sid="", record="01L") is None


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


def test_many_are_looked_up_together_and_each_is_told_its_own(house: House) -> None:
    marriage, console = house.begin(host=MARRIAGE), house.begin(host=CONSOLE)
    ended, nobody = house.begin(sid="sid-2"), digest("A" * 43)
    identifier = house.id(marriage)
    house.sessions.end(house.id(ended), person_id="user:li", record="01K")
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
        house.sessions.end(identifier, person_id="user:li", record="01K")
        return token

    house.answer = meanwhile
    house.city.clock.add(minutes=5)
    house.alive(cookie)
    assert not house.alive(cookie)
    (row,) = house.city.rows(store.session)
    assert (row["end_record"], row["refresh_token"]) == ("01K", b"")


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
        lambda: house.sessions.end(identifier, person_id="user:li", record="01K"),
        lambda: house.sessions.end_all("user:li", house.city.directory, record="01K"),
        lambda: house.sessions.end_sign_on(iss="local", sid="sid-1", record="01K"),
        asked_again,
    ):
        with pytest.raises(StorageUnavailable):
            attempt()
    house.answer = lambda token: token
    assert house.alive(cookie)
    (person,) = [one for one in house.city.rows(store.person) if one["id"] == "user:li"]
    assert person["not_before"] == NOW
