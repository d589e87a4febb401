"""The locustfile of `bench login`: visitors who sign in with a password at one portal and then open a second one.

CITYGATE_BENCH_CITY names a file of ours alone that says where and as whom (`login.SignInCity`). Every sign-in is a new
browser from another network, for the door counts sign-ins of each network.
"""

import json
import os
import random
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from locust import User, task

from loadtests.browser import BrowsedPage, Browser, Lost

_CITY = json.loads(Path(os.environ["CITYGATE_BENCH_CITY"]).read_text())
_NUMBERS = count()


class Visitor(User):
    """One person, again and again."""

    def on_start(self) -> None:
        """Become the next of the city's people."""
        self.person = _CITY["people"][next(_NUMBERS) % len(_CITY["people"])]

    @task
    def sign_in_and_on(self) -> None:
        """Two portals, one password."""
        address = "127." + ".".join(str(random.randint(1, 250)) for _ in range(3))
        browser = Browser(port=_CITY["port"], address=address)
        first, second = _CITY["portals"]
        try:
            form = self._timed("form", lambda: browser.get(first))
            if form is None or not form.asks_password:
                return
            page = self._timed("sign-in", lambda: _arrived(browser.submit(form, self._typed()), first))
            if page is not None:
                self._timed("second portal", lambda: _arrived(browser.get(second), second))
        finally:
            browser.close()

    def _typed(self) -> dict[str, str]:
        login, password = _CITY["fields"]
        return {login: self.person["login"], password: self.person["password"]}

    def _timed(self, name: str, step: Callable[[], BrowsedPage]) -> BrowsedPage | None:
        began, page, failure = time.perf_counter(), None, None
        try:
            page = step()
        except (Lost, OSError) as wrong:
            failure = wrong
        self.environment.events.request.fire(
            request_type="step", name=name, response_time=(time.perf_counter() - began) * 1000, response_length=0,
            exception=failure, context={},
        )  # fmt: skip
        return page


def _arrived(page: BrowsedPage, where: str) -> BrowsedPage:
    """`page`, if it is the portal's own. Raises Lost."""
    if page.status != 200 or page.asks_password or not page.url.startswith(where):
        raise Lost(f"{page.status} at {page.url.partition('?')[0]}")
    return page
