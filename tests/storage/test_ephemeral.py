"""What may be forgotten: kept for its time, claimed once, and a store that does not answer is said so at once."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.database import Database
from storage.ephemeral import DatabaseEphemeral, Ephemeral
from storage.errors import EphemeralUnavailable, StorageUnavailable
from storage.redis_stores import SINCE, RedisEphemeral
from tests.idp.people import Clock
from tests.stack.parts import Server, redis_running


class Shelf:
    """An Ephemeral and a way to let its time pass."""

    def __init__(self, ephemeral: Ephemeral, pass_by: Callable[[int], None], *, kept: Callable[[], int]) -> None:
        self.ephemeral, self.pass_by, self.kept = ephemeral, pass_by, kept


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "redis":
        client = request.getfixturevalue("redis_client")
        yield Shelf(
            RedisEphemeral(client),
            lambda seconds: time.sleep(seconds + 0.05),
            kept=lambda: client.dbsize() - client.exists(SINCE),
        )
        return
    postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{tmp_path / 'city.db'}"
    database, clock = Database(url), Clock()
    database.migrate()

    def kept() -> int:
        with database.transaction() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM ephemeral").scalar_one()

    yield Shelf(DatabaseEphemeral(database, clock=clock), lambda seconds: clock.add(seconds=seconds), kept=kept)
    database.close()


def test_a_value_comes_back_byte_for_byte_until_its_time_is_over(shelf: Shelf) -> None:
    value = bytes(range(256))
    shelf.ephemeral.put("cookie:a", value, seconds=2)
    shelf.ephemeral.put("cookie:b", b"", seconds=60)
    asked = {"cookie:a", "cookie:b", "cookie:c"}
    assert shelf.ephemeral.get(asked) == {"cookie:a": value, "cookie:b": b""}
    shelf.pass_by(2)
    assert shelf.ephemeral.get(asked) == {"cookie:b": b""}


def test_what_is_put_again_is_the_new_value_for_the_new_time(shelf: Shelf) -> None:
    shelf.ephemeral.put("k", b"1", seconds=60)
    shelf.ephemeral.put("k", b"2", seconds=1)
    assert shelf.ephemeral.get({"k"}) == {"k": b"2"}
    shelf.pass_by(1)
    assert shelf.ephemeral.get({"k"}) == {}


def test_what_is_removed_is_gone_and_may_be_gone_already(shelf: Shelf) -> None:
    shelf.ephemeral.put("k", b"1", seconds=60)
    for _ in range(2):
        shelf.ephemeral.remove("k")
    assert shelf.ephemeral.get({"k"}) == {}


def test_of_many_who_claim_at_once_one_does_and_after_its_time_one_again(shelf: Shelf) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(lambda _: shelf.ephemeral.claim("state:x", seconds=2), range(24))) == 1
        shelf.pass_by(2)
    shelf.ephemeral.claim("state:x", seconds=60)
    shelf.ephemeral.remove("state:x")
    assert shelf.ephemeral.claim("state:x", seconds=60)


def test_a_late_claim_does_not_make_the_first_one_longer(shelf: Shelf) -> None:
    assert shelf.ephemeral.claim("k", seconds=2)
    shelf.pass_by(1)
    assert not shelf.ephemeral.claim("k", seconds=60)
    shelf.pass_by(1)
    assert shelf.ephemeral.claim("k", seconds=60)


def test_what_is_over_leaves_nothing_behind(shelf: Shelf) -> None:
    for number in range(5):
        shelf.ephemeral.put(f"k{number}", b"v", seconds=1)
    shelf.ephemeral.put("lasting", b"v", seconds=60)
    shelf.pass_by(2)
    shelf.ephemeral.sweep()
    assert shelf.kept() == 1


# ── a Redis that does not answer ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Server]:
    with redis_running() as server:
        yield server


def refused_within(ephemeral: Ephemeral, seconds: float) -> None:
    calls: list[Callable[[], object]] = [
        lambda: ephemeral.get({"k"}),
        lambda: ephemeral.put("k", b"", seconds=1),
        lambda: ephemeral.remove("k"),
        lambda: ephemeral.claim("k", seconds=1),
    ]
    for call in calls:
        began = time.monotonic()
        with pytest.raises(EphemeralUnavailable):
            call()
        assert time.monotonic() - began < seconds


def test_a_redis_that_is_paused_killed_or_full_is_refused_soon_and_serves_again_when_it_is_back(
    own_redis: Server,
) -> None:
    ephemeral = RedisEphemeral(own_redis.client())
    ephemeral.put("k", b"v", seconds=60)
    own_redis.send(signal.SIGSTOP)
    refused_within(ephemeral, 2.5)
    own_redis.send(signal.SIGCONT)
    assert ephemeral.get({"k"}) == {"k": b"v"}
    own_redis.stop(signal.SIGKILL)
    refused_within(ephemeral, 2.5)
    own_redis.start()
    assert ephemeral.get({"k"}) == {}  # forgotten, and that is all
    own_redis.client().config_set("maxmemory", "1mb")

    def fill() -> None:
        for number in range(100_000):
            ephemeral.put(f"k{number}", bytes(1000), seconds=60)

    with pytest.raises(EphemeralUnavailable):
        fill()
    own_redis.client().config_set("maxmemory", "256mb")
    own_redis.client().flushall()


def test_many_who_ask_a_paused_redis_at_once_are_all_refused_soon(own_redis: Server) -> None:
    ephemeral = RedisEphemeral(own_redis.client())
    own_redis.send(signal.SIGSTOP)
    began = time.monotonic()
    try:
        with ThreadPoolExecutor(40) as threads:
            answers = [threads.submit(ephemeral.get, "k").exception for _ in range(40)]
            assert {type(one()) for one in answers} == {EphemeralUnavailable}
    finally:
        own_redis.send(signal.SIGCONT)
    assert time.monotonic() - began < 4


def test_a_database_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    database = Database("postgresql+psycopg://u:p@127.0.0.1:9/none")
    with pytest.raises(StorageUnavailable):
        DatabaseEphemeral(database, clock=Clock()).get({"k"})


def test_everything_under_a_prefix_is_looked_at_in_pieces_and_nothing_else(shelf: Shelf) -> None:
    for number in range(25):
        shelf.ephemeral.put(f"cookie:{number:02}", bytes([number]), seconds=60)
    for other in ("cooky:a", "cookie", "recheck:cookie:a", "cookie%"):
        shelf.ephemeral.put(other, b"x", seconds=60)
    seen, after = {}, ""
    while True:
        found, after = shelf.ephemeral.look("cookie:", after=after, limit=10)
        seen |= dict(found)
        if not after:
            break
    assert seen == {f"cookie:{number:02}": bytes([number]) for number in range(25)}


def test_a_value_is_swapped_for_what_was_seen_alone_and_keeps_its_time(shelf: Shelf) -> None:
    shelf.ephemeral.put("k", b"old", seconds=2)
    assert not shelf.ephemeral.swap("k", b"another", b"new")
    assert shelf.ephemeral.swap("k", b"old", b"new")
    assert shelf.ephemeral.get({"k"}) == {"k": b"new"}
    assert not shelf.ephemeral.swap("gone", b"", b"new")
    shelf.pass_by(2)
    assert shelf.ephemeral.get({"k"}) == {}
    assert not shelf.ephemeral.swap("k", b"new", b"raised from the dead")
