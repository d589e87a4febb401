"""Apps that sign are looked up rarely, anew after each change, and however many unknown keys come."""

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any

from gateway.signed_request import SignedRequests
from gateway.stages import Inbound
from idp.app_key import AppHolder
from tests.gateway.signing import KEY, Apps, Memory, a_door, request, taken


async def test_an_app_is_looked_up_once_in_a_while_and_anew_after_a_change() -> None:
    apps = Apps()
    door = a_door(apps)
    assert await taken(door, request())
    assert await taken(door, request())
    assert apps.asked == 1
    apps.ended = True
    door.forget()
    assert not await taken(door, request())


async def test_an_app_that_ends_while_its_request_is_looked_at_is_refused() -> None:
    apps, spent = Apps(), Memory()
    door = a_door(apps, spent)

    def end() -> None:
        apps.ended = True
        door.forget()

    spent.held = end
    assert not await taken(door, request())


async def test_what_was_looked_up_before_a_change_is_not_kept_after_it() -> None:
    apps = Apps()
    door = a_door(apps)
    apps.held = door.forget  # the look-up read what was; then came the change
    looked = asyncio.create_task(taken(door, request()))
    await asyncio.wait({looked}, timeout=5)
    asked, apps.held = apps.asked, lambda: None
    assert await taken(door, request())
    assert apps.asked == asked + 1


class SlowForStrangers(Apps):
    """A register whose look-ups of what is unknown hang."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def find(self, key: str) -> AppHolder:
        if key != KEY:
            self.free.wait(5)
        return super().find(key)


def unknown(number: int, network: int) -> tuple[Inbound, str]:
    inbound, authorization = request()
    key = f"{100 * network + number:026d}"
    return replace(inbound, address=f"198.51.{network}.7"), authorization.replace(KEY, key)


async def flooded(door: SignedRequests, networks: range) -> tuple[set[asyncio.Task[Any]], int]:
    """Who still waits, and how many were sent away at once, of 40 unknown keys from each network."""
    asked = [asyncio.create_task(door.identity(*unknown(n, network))) for network in networks for n in range(40)]
    done, seen = set[asyncio.Task[Any]](), -1
    while len(done) > seen or not done:  # until nobody else is sent away
        seen, (done, waiting) = len(done), await asyncio.wait(asked, timeout=0.3)
    assert {type(one.exception()).__name__ for one in done} == {"StorageUnavailable"}
    return waiting, len(done)


async def test_unknown_keys_crowd_out_nobody_who_signed_before_and_one_network_no_other() -> None:
    apps = SlowForStrangers()
    door = a_door(apps)
    assert await taken(door, request())
    waiting, away = await flooded(door, range(1))
    assert (len(waiting), away) == (16, 24)
    more, away = await flooded(door, range(1, 20))
    assert len(waiting) + len(more) == 128
    for _ in range(300):
        door.forget()  # so each is looked up anew
        assert await taken(door, request())
    apps.free.set()
    await asyncio.gather(*waiting, *more, return_exceptions=True)
    assert await taken(a_door(apps), request()), "and where it is new it is looked up like any other"


async def test_whoever_comes_at_once_with_one_key_is_looked_up_once() -> None:
    apps = Apps()
    apps.held = lambda: time.sleep(0.1)
    door = a_door(apps)
    assert await asyncio.gather(*(taken(door, request()) for _ in range(100))) == [True] * 100
    assert apps.asked == 1


async def test_of_keys_that_signed_before_no_more_wait_than_there_is_room() -> None:
    spent, free = Memory(), threading.Event()
    door = a_door(spent=spent)
    assert await taken(door, request())
    spent.held = lambda: free.wait(1.5) and None
    asked = [asyncio.create_task(door.identity(*request())) for _ in range(300)]
    done, waiting = await asyncio.wait(asked, timeout=0.5)
    assert len(done) == 300 - 256
    assert {type(one.exception()).__name__ for one in done} == {"StorageUnavailable"}
    free.set()
    await asyncio.gather(*waiting, return_exceptions=True)
