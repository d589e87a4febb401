"""Visitors until the end of a block: a small load of label-3 requests, and which of them the city answered."""

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

from audit.event import Event, EventKind
from tests.bounds import join_in_time
from tests.faults.visitor import ask, key
from tests.journeys.running_city import City


class Visiting:
    """Threads that go on until the end of a block."""

    def __init__(self, *visits: Callable[[], None]) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=visit) for visit in visits]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            join_in_time(thread)


class Load(Visiting):
    """Three visitors who ask for one page after the other, each page once, until the block ends; and one who browses."""

    _names = itertools.count(1)

    def __init__(self, city: City) -> None:
        super().__init__(*[self._visit] * 3, self._browse)
        self._city, self._key = city, key(city, "wang")
        self.delivered: list[str] = []  # objects: the portal answered through the door
        self.refused: list[str] = []  # request ids: the door answered
        self.statuses: set[int] = set()

    def _visit(self) -> None:
        for path in self._paths():
            try:
                answer = ask(self._city, "marriage", "GET", path, self._key)
            except (OSError, http.client.HTTPException):  # broken off, so nothing was acknowledged
                time.sleep(0.05)
                continue
            self.statuses.add(answer.status)
            if answer.request_id:
                self.refused.append(answer.request_id)
            else:
                self.delivered.append(f"/marriage{path}")

    def _browse(self) -> None:
        """Label 2: these records wait for nobody's sync, so some of them are not yet durable at any moment."""
        while not self._stop.is_set():
            try:
                ask(self._city, "marriage", "GET", "/files/load", self._key)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)

    def _paths(self) -> Iterator[str]:
        while not self._stop.is_set():
            yield f"/certificates/load-{next(self._names)}"

    def unrecorded(self, events: list[Event]) -> list[str]:
        """What was answered and does not stand in the log exactly once."""
        decided = [event.object for event in events if event.kind is EventKind.DECISION]
        refused = [event.id for event in events if event.kind is EventKind.REFUSAL]
        return [one for one in self.delivered if decided.count(one) != 1] + [
            one for one in self.refused if refused.count(one) != 1
        ]
