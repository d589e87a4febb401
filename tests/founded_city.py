"""A founded demo city without listeners: requests go to the real `handle`, with the keys or cookies of its people."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from audit import index
from audit.event import Event, EventKind
from audit.sequencer import Sequencer
from audit.witnessed_rows import rows_in
from authz.bootstrap import CLOCK
from city.clock import clock as time_of_day
from city.door import open_gate
from city.identifiers import mint
from city.parts import City, open_city
from city.people import ISSUERS
from city.settings import Settings
from city.stores import open_stores
from crypto.kept_key import kept_key
from crypto.local_keys import load
from crypto.sign import SigningKey
from gateway.pipeline import Gate, handle
from gateway.proxy import Proxy
from gateway.stages import Outbound, Raw
from idp.relying_party import Completed
from idp.session import COOKIE, digest
from storage import witness
from storage.database import Database
from tests.acts import an_act
from tests.bounds import join_in_time

PORT = 8080
CONSOLE = "console.localhost"
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What came back, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


class Clock:
    """The time of day, and as much more as a test moves it ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return time_of_day() + self.ahead


class CityDoor:
    """One city process's door, and who asks at it."""

    def __init__(self, city: City, gate: Gate, loop: asyncio.AbstractEventLoop, ids: dict[str, str]) -> None:
        self.city, self._loop, self.ids = city, loop, ids
        self.gate = replace(gate, mint=self._minted)
        self.under: list[str] = []  # the ids of the last request's records; one that was sent again has two
        self.sent: tuple[str, str, str] = ("", "", "")  # the last request's method and target, and who asked
        self.body: dict[str, Any] = {}  # what it brought

    def run(self, what: Awaitable[T]) -> T:
        async def inside() -> T:
            return await what

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(60)

    def ask(
        self,
        method: str,
        target: str,
        who: str = "",
        *,
        json: Any = None,
        form: dict[str, str] | None = None,
        cookie: str = "",
        page: bool = False,
        host: str = CONSOLE,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; `who` brings that person's access key, `cookie` a browser's session."""
        self.sent, self.body = (method, target, who), {"json": json, "form": form}
        told = {"host": f"{host}:{PORT}", "accept": "text/html" if page else "application/json"} | (headers or {})
        body = b""
        if json is not None:
            body, told["content-type"] = _json(json), "application/json"
        if form is not None:
            body, told["content-type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        if who:
            told["authorization"] = f"Bearer {self.key(who)}"
        if cookie:
            told["cookie"] = f"{COOKIE}={cookie}"
        told["content-length"] = str(len(body))

        async def chunks() -> AsyncIterator[bytes]:
            yield body

        lines = tuple((name.encode(), value.encode("latin-1")) for name, value in told.items())
        raw = Raw(method=method.encode(), target=target.encode(), headers=lines, peer="192.0.2.7", body=chunks)
        return self.run(self._answer(raw))

    def key(self, who: str) -> str:
        return kept_key(self.city.settings.data / "keys", CLOCK if who == "clock-job" else who)

    def sign_in(
        self,
        who: str,
        *,
        assurance: int = 3,
        sid: str = "",
        at: datetime | None = None,
        iss: str = "",
        device: str = "",
    ) -> str:
        """A cookie of the console, as after a login at the issuer."""
        now = self.city.clock()
        login = Completed(
            iss=iss or ISSUERS["embedded"],
            sub=who,
            sid=sid or mint(),
            name="",
            assurance=assurance,
            auth_time=at or now,
            id_token="eyJ.token.canary",
            return_to="/",
            cookie_name="",
        )
        return self.city.people.sessions.begin(
            login,
            person_id=self.ids[who],
            host=CONSOLE,
            address="192.0.2.7",
            previous="",
            act=an_act(record=mint()),
            device=device,
        )

    def csrf(self, cookie: str) -> str:
        """What a form of this browser must bring."""
        return self.city.people.sessions.find(digest(cookie), record="").csrf

    def records(self) -> list[Event]:
        """The whole log, newest last."""
        return [self.city.records.log.read(leaf).event for leaf in range(self.settle())]

    def undeclared(self) -> set[tuple[str, str]]:
        """(table, action) of acts that wrote a row whose table does not name them (`storage.witness`)."""
        done = [one for one in self.records() if one.kind == EventKind.OUTCOME]
        written = {(key.partition(" ")[0], one.action, one.reason) for one in done for key in rows_in(one)}
        acts = {one.name: one.info.get("acts", ()) for one in witness.tables()}
        return {(table, act) for table, act, why in written if why != "parked" and act not in acts[table]}

    def work(self, kind: str, who: str = "zhou") -> Any:
        """A backup or a drill, from its beginning to its end, as the API tells it."""
        answer = self.ask("POST", f"/api/v1/{kind}s", who)
        assert answer.status == 202, answer
        self.idle()
        return self.ask("GET", f"/api/v1/{kind}s/{answer.json['id']}", who).json

    def idle(self) -> None:
        """No backup and no drill is under way; the log is taken in meanwhile."""
        deadline = time.monotonic() + 120
        while self.city.rooms.backups.book.current():
            assert time.monotonic() < deadline, "a backup or drill did not end within 120 s"
            self.settle()
            time.sleep(0.02)
        self.city.rooms.backups.wait(seconds=60)

    def settle(self) -> int:
        """Let the log and its index take what was recorded; return its size."""
        log = self.city.records.log
        sequencer = Sequencer(
            spools=log.spools,
            log=log.tiles,
            key=SigningKey(load(self.city.settings.data / "keys/audit.key")),
            origin=log.origin,
        )
        try:
            sequencer.integrate()
        finally:
            sequencer.close()
        return index.refresh(log.index, log=log.tiles, key=log.key, origin=log.origin)

    def _minted(self) -> str:
        self.under.append(mint())
        return self.under[-1]

    async def _answer(self, raw: Raw) -> Answer:
        self.under = []
        out: Outbound = await handle(raw, self.gate)
        while out.again:
            out = await handle(out.again, self.gate)
        body = out.body if isinstance(out.body, bytes) else b"".join([chunk async for chunk in out.body])
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in out.headers}
        return Answer(out.status, headers, body)


def _json(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@contextmanager
def open_founded_city(
    founded: Path,
    place: Path,
    *,
    issuer_port: int = 0,
    routes: Path | None = None,
    prepare: Callable[[Database], None] = lambda _database: None,
    clock: Callable[[], datetime] | None = None,
) -> Iterator[CityDoor]:
    """The door of a copy of a founded city, deciding, until the end of the block; `prepare` writes into it first."""
    shutil.copytree(founded, place)
    settings = Settings(data=place, port=PORT, issuer_port=issuer_port, routes=routes)
    clock = clock or Clock()
    stores = open_stores(settings, clock=clock)
    prepare(stores.database)
    city, loop = open_city(settings, stores, clock=clock), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    people = {person["login"]: person for person in json.loads((place / "demo-people.json").read_text())}
    with stores.database.transaction() as connection:
        rows = connection.exec_driver_sql("SELECT login, id FROM person").fetchall()
    ids = {login: identifier for login, identifier in rows if login in people}

    proxy = Proxy()

    async def build() -> tuple[Gate, asyncio.Task[None]]:
        gate, _ = open_gate(city, await proxy.__aenter__())
        return gate, asyncio.create_task(city.deciding.keeper.keep())

    gate, _keeping = asyncio.run_coroutine_threadsafe(build(), loop).result(30)
    door = CityDoor(city, gate, loop, ids)
    try:
        door.run(_fresh(city))
        yield door
    finally:
        door.run(_stopped())
        door.run(proxy.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        join_in_time(thread)
        loop.close()
        city.records.spool.close()
        stores.close()


async def _fresh(city: City) -> None:
    async with asyncio.timeout(30):
        while not city.deciding.decider.fresh():  # noqa: ASYNC110 - the lease tells nobody
            await asyncio.sleep(0.01)


async def _stopped() -> None:
    """Nothing of the door may still run when its loop closes."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def tomorrow(days: int = 30) -> str:
    """RFC 3339, so many days from now."""
    return (time_of_day() + timedelta(days=days)).isoformat()
