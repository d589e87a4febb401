"""Hints: heard by everybody who listens, missed without harm, and listened for again after Redis was away."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from storage.redis_stores import Hints
from tests.stack.parts import Server, redis_running


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Server]:
    with redis_running() as server:
        yield server


def until_told(hints: Hints, heard: threading.Event) -> None:
    """Told again and again, until it is heard."""
    deadline = time.monotonic() + 10
    while not heard.wait(0.1):
        assert time.monotonic() < deadline
        hints.tell()


def test_a_hint_is_heard_by_all_who_listen_also_after_redis_was_away(own_redis: Server) -> None:
    teller, heard = Hints(own_redis.client()), [threading.Event(), threading.Event()]
    listening = [Hints(own_redis.client()) for _ in heard]
    for one, event in zip(listening, heard, strict=True):
        one.listen(event.set)
    for event in heard:
        until_told(teller, event)
    own_redis.stop(signal.SIGKILL)
    for event in heard:
        event.clear()
    teller.tell()  # to nobody, and without a word
    own_redis.start()
    for event in heard:
        until_told(teller, event)
    for one in listening:
        one.stop()


def test_who_comes_back_is_told_for_what_it_may_have_missed(own_redis: Server) -> None:
    heard, hints = threading.Event(), Hints(own_redis.client())
    hints.listen(heard.set)
    assert heard.wait(5)  # nobody told anything
    began = time.monotonic()
    hints.stop()
    assert time.monotonic() - began < 3
