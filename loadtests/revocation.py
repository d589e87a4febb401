"""`bench revocation`: from the commit that ends a session to the last request of it that was begun and still allowed.

Under a load of 64 connections a visitor asks again and again, each time at a moment of its own, while her session is
ended over the API; where there are several gateways her requests go to each of them in turn, at its own socket, for
nginx would keep her at one. `ms` counts from what the session's row says (written just before its commit, so never too
short) to the start of the last request that was allowed: 0 where none begun later was. After the API has answered, with
its receipt, no request begun may be allowed at all: that is counted, and one is
a failure.

JSON: `n`; `ms` and `answer_ms` (how long the API took), each `median`, `p99`, `max`; `allowed_after_answer`;
`without_control`: sessions that were not both allowed before and refused after; `statuses`: of the visitors' requests;
`end_statuses`: of the API, which is asked again after a 503; `disturbed.NAME`: the same for the part of the sessions
that was ended with nothing else wrong ("none") and, on the stack, while Redis was stopped by SIGSTOP ("redis_paused"),
from just before the API was asked until after its answer; `ok`.
"""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from loadtests.filling import CitySize, Revocable, paths
from loadtests.meter import CONNECTIONS, Target, loading, need
from loadtests.running import upstream
from loadtests.world import PROFILES, CityEntrance, World

SIZE = CitySize()
AT_ONCE = 2  # sessions being ended
ASK_SECONDS = 0.01  # between two requests of one visitor: what is seen is this exact
BEFORE_SECONDS, AFTER_SECONDS = 0.1, 0.3  # of asking, at least: before, and after it was answered
_BOUND_SECONDS = 60.0  # for those that are ended at once
Disturbance = Callable[[], AbstractContextManager[None]]


@dataclass(slots=True, kw_only=True)
class Watched:
    """What one visitor saw while her session was ended; moments in seconds since 1970."""

    person: str
    asked_at: float = 0.0
    answered_at: float = 0.0
    end_statuses: list[int] = field(default_factory=list)  # of the API; 503 is asked again
    allowed: list[float] = field(default_factory=list)  # when each allowed request was begun
    refused: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def refused_since(self) -> bool:
        """After the API answered, by whoever knows that the session is over: 503 says nothing about that."""
        return any(began > self.answered_at for began in self.refused)

    @property
    def answered_since(self) -> bool:
        """By a door that works again."""
        return any(began > self.answered_at for began in (*self.allowed, *self.refused))


def measure(profile: str) -> dict[str, Any]:
    """Everything the command prints. Raises CannotMeasure, CannotStart."""
    need("nginx", "wrk")
    with TemporaryDirectory(prefix="citygate-bench-") as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        behind = stack.enter_context(upstream(folder / "upstream"))
        world = stack.enter_context(PROFILES[profile](folder, SIZE, behind))
        way = world.probed
        target = Target(port=way.port, host=way.host, paths=paths(SIZE), credentials=way.cookies, ours=[])
        seen: dict[str, list[Watched]] = {}
        with loading(target), ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
            for name, chosen in _shares(world):
                ending = _end_all(world, chosen, world.disturbances[name])
                seen[name] = thread.submit(asyncio.run, ending).result(_BOUND_SECONDS * len(chosen))
        ended = world.list_ended()
    each = {name: figures(watched, ended) for name, watched in seen.items()}
    everybody = [one for watched in seen.values() for one in watched]
    whole = figures(everybody, ended)
    return {
        "profile": profile,
        "method": {"connections": CONNECTIONS, "resolution_ms": ASK_SECONDS * 1000, "at_once": AT_ONCE},
        **whole,
        "disturbed": each,
        "ok": whole["n"] == SIZE.revocable and not whole["allowed_after_answer"] and not whole["without_control"],
    }


def _shares(world: World) -> Iterator[tuple[str, Sequence[Revocable]]]:
    """The visitors, an equal part for each disturbance."""
    for number, name in enumerate(world.disturbances):
        yield name, world.revocable[number :: len(world.disturbances)]


async def _end_all(world: World, chosen: Sequence[Revocable], disturbance: Disturbance) -> list[Watched]:
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(_client(aiohttp.TCPConnector(limit=0)))
        each = [_client(aiohttp.UnixConnector(str(path), limit=0)) for path in world.probed.gateways]
        doors = [await stack.enter_async_context(one) for one in each] or [client]
        return [
            watched
            for first in range(0, len(chosen), AT_ONCE)
            for watched in await _end_some(client, doors, world, chosen[first : first + AT_ONCE], disturbance)
        ]


def _client(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def _end_some(
    client: aiohttp.ClientSession,
    doors: Sequence[aiohttp.ClientSession],
    world: World,
    chosen: Sequence[Revocable],
    disturbance: Disturbance,
) -> list[Watched]:
    """Let them ask, have their sessions ended while the disturbance lasts, and let them ask on."""
    seen, stop = [Watched(person=one.person) for one in chosen], asyncio.Event()
    async with asyncio.timeout(_BOUND_SECONDS), asyncio.TaskGroup() as group:
        for one, watched in zip(chosen, seen, strict=True):
            group.create_task(_keep_asking(doors, world.probed, one, watched, stop))
        await asyncio.sleep(BEFORE_SECONDS)
        while not all(watched.allowed for watched in seen):  # noqa: ASYNC110 - bounded here
            await asyncio.sleep(ASK_SECONDS)
        waiting = list(zip(chosen, seen, strict=True))
        while waiting:
            with disturbance():
                await asyncio.gather(*(_end_one(client, world.console, one, watched) for one, watched in waiting))
                await asyncio.sleep(AFTER_SECONDS)
            while not all(watched.answered_since for watched in seen):  # noqa: ASYNC110 - bounded here
                await asyncio.sleep(ASK_SECONDS)
            waiting = [(one, watched) for one, watched in waiting if watched.end_statuses[-1] != 200]
        while not all(watched.refused_since for watched in seen):  # noqa: ASYNC110 - bounded here
            await asyncio.sleep(ASK_SECONDS)
        stop.set()
    return seen


async def _end_one(client: aiohttp.ClientSession, console: CityEntrance, one: Revocable, watched: Watched) -> None:
    watched.asked_at = watched.asked_at or time.time()
    url = f"http://127.0.0.1:{console.port}/api/v1/sessions"
    async with client.delete(url, headers=_headers(console, one.key)) as answer:
        watched.end_statuses.append(answer.status)
        await answer.read()
    watched.answered_at = time.time()


async def _keep_asking(
    doors: Sequence[aiohttp.ClientSession], way: CityEntrance, one: Revocable, watched: Watched, stop: asyncio.Event
) -> None:
    """Begin a request every few milliseconds, at each door in turn, whether or not the ones before were answered."""
    turns = itertools.cycle(doors)
    async with asyncio.TaskGroup() as group:
        while not stop.is_set():
            group.create_task(_ask(next(turns), way, one, watched))
            await asyncio.sleep(ASK_SECONDS)


async def _ask(client: aiohttp.ClientSession, way: CityEntrance, one: Revocable, watched: Watched) -> None:
    began = time.time()
    headers, url = {**_headers(way, one.cookie), **way.proof}, f"http://127.0.0.1:{way.port}{paths(SIZE)[0]}"
    async with client.get(url, headers=headers, allow_redirects=False) as answer:
        what = str(answer.status)
        try:
            await answer.read()
        except aiohttp.ClientPayloadError:  # an answer under way ends with its session; it was allowed all the same
            what += " broken off"
    watched.statuses[what] += 1
    if answer.status != 503:
        (watched.allowed if answer.status == 200 else watched.refused).append(began)


def _headers(way: CityEntrance, line: str) -> dict[str, str]:
    name, _, value = line.partition(": ")
    return {"Host": way.host, name: value}


def figures(seen: Sequence[Watched], ended: Mapping[str, float]) -> dict[str, Any]:
    """What is told of some ended sessions; `without_control` were not both allowed before and refused after."""
    done = [one for one in seen if 200 in one.end_statuses and one.person in ended and one.allowed]
    after_commit = [max(0.0, max(one.allowed) - ended[one.person]) * 1000 for one in done]
    until_answer = [(one.answered_at - one.asked_at) * 1000 for one in done]
    statuses = sum((one.statuses for one in seen), Counter[str]())
    end_statuses = Counter(str(status) for one in seen for status in one.end_statuses)
    return {
        "n": len(done),
        "ms": _spread(after_commit),
        "answer_ms": _spread(until_answer),
        "allowed_after_answer": sum(began > one.answered_at for one in done for began in one.allowed),
        "without_control": len(seen) - sum(bool(one.refused) for one in done),
        "statuses": dict(sorted(statuses.items())),
        "end_statuses": dict(sorted(end_statuses.items())),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    told = {"median": median(values), "p99": quantiles(values, n=100, method="inclusive")[98], "max": max(values)}
    return {name: round(value, 2) for name, value in told.items()}


def main(json: bool, profile: str = "embedded") -> int:
    """Print the figures; 1 if a request begun after the receipt was allowed, or a session has no control."""
    seen = measure(profile)
    if json:
        print(dumps(seen, indent=2))
    else:
        for name, each in ({"all": seen} | seen["disturbed"]).items():
            ms, answer = each["ms"], each["answer_ms"]
            print(
                f"{name}: {each['n']} sessions; last allowed request after the commit: median {ms['median']} ms", end=""
            )
            print(f", p99 {ms['p99']}, max {ms['max']}; answered within {answer['median']} ms (max {answer['max']})")
        print(f"allowed after the answer: {seen['allowed_after_answer']}; {seen['statuses']}")
    return 0 if seen["ok"] else 1
