"""Somebody who clicks and clicks, each page once; when each click began, and what came of it."""

import http.client
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.event import Event, EventKind
from tests.faults.load import Visiting
from tests.faults.visitor import Answer, ask
from tests.journeys.running_city import City
from tests.stack.breaking import at

_names = itertools.count(1)


@dataclass(frozen=True)
class Click:
    """`status` is 0 where the connection broke; `page` stands in the record of the decision."""

    began: float
    status: int
    page: str
    number: str  # of a refusal


class Clicks(Visiting):
    """Visitors of the marriage portal with one credential, until the block ends; a page that is not there is 404.

    With `gateways` each click goes to the next of them, at its own socket: nginx would keep a visitor at one.
    """

    def __init__(
        self,
        city: City,
        credential: dict[str, str],
        *,
        path: str = "/certificates/click-",
        visitors: int = 1,
        gateways: Sequence[str] = (),
    ) -> None:
        super().__init__(*[self._visit] * visitors)
        self._city, self._credential, self._path = city, credential, path
        self._gateways = itertools.cycle(gateways)
        self.all: list[Click] = []

    def _visit(self) -> None:
        while not self._stop.is_set():
            page, began = f"{self._path}{next(_names)}", time.monotonic()
            try:
                answer = self._ask(page, next(self._gateways, ""))
                self.all.append(Click(began, answer.status, f"/marriage{page}", answer.request_id))
            except (OSError, http.client.HTTPException):
                self.all.append(Click(began, 0, f"/marriage{page}", ""))

    def _ask(self, page: str, gateway: str) -> Answer:
        if gateway:
            return at(self._city, gateway, "marriage", "GET", page, self._credential, seconds=20)
        return ask(self._city, "marriage", "GET", page, self._credential, seconds=20)

    def allowed(self) -> list[Click]:
        return [one for one in self.all if one.status == 404]

    def failed(self) -> list[Click]:
        return [one for one in self.all if one.status != 404]

    def more(self, number: int) -> Callable[[], bool]:
        """Whether so many more were allowed since this call."""
        before = len(self.allowed())
        return lambda: len(self.allowed()) >= before + number

    def unrecorded(self, events: list[Event]) -> list[str]:
        """What was answered and does not stand in the log; a click that a dying gateway had begun stands there twice."""
        decided = {event.object for event in events if event.kind is EventKind.DECISION}
        refused = {event.id for event in events if event.kind is EventKind.REFUSAL}
        return [one.page for one in self.allowed() if one.page not in decided] + [
            one.number for one in self.failed() if one.number and one.number not in refused
        ]
