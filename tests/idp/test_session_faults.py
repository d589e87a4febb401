"""Sessions while Redis is paused, killed or emptied: soon refused, then signed in again, and never more than before."""

import signal
import time
from collections.abc import Iterator

import pytest

from idp.errors import SessionUnknown
from idp.session import digest
from storage.epoch import MemoryEpochs
from storage.errors import EphemeralUnavailable
from storage.redis_stores import RedisEphemeral
from tests.acts import an_act
from tests.idp.people import city_with_people
from tests.idp.signed_in import SignedInPeople
from tests.stack.parts import Server, redis_running


@pytest.fixture
def own_redis() -> Iterator[Server]:
    with redis_running() as server:
        yield server


def test_without_redis_nobody_is_known_and_with_an_empty_one_everybody_signs_in_again(
    own_redis: Server, postgres_url: str
) -> None:
    with city_with_people(postgres_url) as city:
        signed_in = SignedInPeople(city, RedisEphemeral(own_redis.client()), MemoryEpochs(monotonic=time.monotonic))
        cookie = signed_in.begin()
        identifier = signed_in.id(cookie)
        own_redis.send(signal.SIGSTOP)
        for refused in (lambda: signed_in.find(cookie), lambda: signed_in.begin(previous=cookie)):
            began = time.monotonic()
            with pytest.raises(EphemeralUnavailable):
                refused()
            assert time.monotonic() - began < 2.5
        own_redis.send(signal.SIGCONT)
        assert signed_in.id(cookie) == identifier
        own_redis.stop(signal.SIGKILL)
        with pytest.raises(EphemeralUnavailable):
            signed_in.find(cookie)
        # ending a session needs no Redis: the row is the truth
        signed_in.sessions.end(identifier, person_id="user:li", act=an_act(record="01K"))
        assert signed_in.list_ended() == [identifier]
        own_redis.start()
        with pytest.raises(SessionUnknown):
            signed_in.find(cookie)
        again = signed_in.begin(previous=cookie)
        assert signed_in.id(again) != identifier
        own_redis.client().flushall()
        with pytest.raises(SessionUnknown):
            signed_in.sessions.find(digest(again), record="01F")
        assert signed_in.is_alive(signed_in.begin())
