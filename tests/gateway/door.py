"""A whole door at the level of `handle`: real keys, spool, database, upstream and Flask; a clock that tests move."""

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask

from audit import segment
from audit.event import Event, EventKind, decode
from audit.flood import Flood
from audit.spool import Spool
from authz.lease import Decider, Receipt, Snapshot
from authz.park import Parking
from authz.policy import PolicySet
from console.shell.frame import Frame
from console.shell.receipts import Receipts
from console.shell.render import Renderer
from console.shell.words import Words
from console.signin.pages import SignIn
from console.signin.routes import door_routes
from crypto.aead import Seal
from crypto.sign import SigningKey
from gateway.allow import ForwardAuth, KeptRefusals, allow
from gateway.authenticate import Credentials
from gateway.deliver import Deliveries, Streams
from gateway.limit import Buckets
from gateway.local import Local
from gateway.pipeline import Gate, handle
from gateway.proxy import Proxy
from gateway.refuse import Refusals, page_headers
from gateway.routes import RouteTable
from gateway.stages import Listener, Outbound, Raw
from gateway.transform import Assertions
from idp import access_key, store
from idp.access_key import AccessKeys
from idp.directory import Directory
from idp.issuer import Backchannel, Issuer
from idp.relying_party import Completed, RelyingParty
from idp.session import COOKIE, Sessions, digest
from storage.database import Database
from storage.ephemeral import DatabaseEphemeral
from storage.epoch import EpochAnswer, MemoryEpochs
from tests.acts import an_act
from tests.gateway.behind_the_door import (
    ASKED,
    DESK,
    ELSEWHERE,
    HOST,
    LI,
    WANG,
    application,
    policies,
    routes_behind,
)
from tests.gateway.upstreams import OK, Talk, upstream

PORT = 8080
T = TypeVar("T")


@dataclass
class GatewayDoor:
    """What a test moves and asks. `heard` is what reached the upstream, whole heads."""

    folder: Path
    gate: Gate
    database: Database
    sessions: Sessions
    kept: KeptRefusals
    streams: Streams
    flask: Flask
    heard: list[bytes]
    now: datetime = datetime(2026, 5, 1, 8, tzinfo=UTC)
    seconds: float = 1000.0
    talk: Talk | None = None

    def fresh(self) -> None:
        """The source confirms what is held, now."""
        decider = self.gate.decider
        decider.take_answer(decider.question(), EpochAnswer(epoch=decider.snapshot.epoch, changes=()))

    def adopt(self, *, policies: PolicySet | None = None, revoked: Iterable[str] = ()) -> None:
        """The next epoch, confirmed."""
        held = self.gate.decider.snapshot
        self.gate.decider.adopt(
            Snapshot(epoch=held.epoch + 1, policies=policies or held.policies, revoked=frozenset(revoked))
        )
        self.fresh()

    def sign_in(self, subject: str = LI, *, assurance: int = 2, host: str = HOST, sid: str = "sid-1") -> str:
        """A cookie of `host`, as after a login."""
        blank: dict[str, Any] = dict.fromkeys((one.name for one in fields(Completed)), "")
        login = Completed(
            **blank | {"iss": "i", "sub": subject, "sid": sid, "assurance": assurance, "auth_time": self.now}
        )
        begin = partial(
            self.sessions.begin, person_id=subject, host=host, address="", previous="", act=an_act(record="r")
        )
        return in_a_thread(lambda: begin(login))

    def session_of(self, cookie: str) -> str:
        return in_a_thread(lambda: self.sessions.find(digest(cookie), record="")).id

    def key(self, subject: str = LI, *, assurance: int = 3) -> bytes:
        """The value of an Authorization header."""

        def issue() -> str:
            with self.database.transaction() as connection:
                until = self.now + timedelta(days=1)
                return access_key.issue(connection, subject, assurance=assurance, expires_at=until, record="r")

        return b"Bearer " + in_a_thread(issue).encode()

    def raw(
        self,
        target: str = "/",
        *headers: tuple[bytes, bytes],
        method: str = "GET",
        host: str = HOST,
        cookie: str = "",
        body: bytes | Callable[[], AsyncIterator[bytes]] = b"",
        page: bool = False,
        **changes: object,
    ) -> Raw:
        """One request as the server would have read it."""

        async def chunks() -> AsyncIterator[bytes]:
            if isinstance(body, bytes) and body:
                yield body

        told = [(b"host", f"{host}:{PORT}".encode()), *headers]
        told += [(b"cookie", f"{COOKIE}={cookie}".encode())] if cookie else []
        told += [(b"accept", b"text/html" if page else b"application/json")]
        told += [(b"content-length", str(len(body)).encode())] if isinstance(body, bytes) and method != "GET" else []
        reading = chunks if isinstance(body, bytes) else body
        raw = Raw(method=method.encode(), target=target.encode(), headers=tuple(told), peer="192.0.2.7", body=reading)
        return replace(raw, **changes)  # type: ignore[arg-type]

    async def ask(self, target: str = "/", *headers: tuple[bytes, bytes], **request: object) -> Outbound:
        """One request through `handle`, with its answer read to the end."""
        return await whole(await handle(self.raw(target, *headers, **request), self.gate))  # type: ignore[arg-type]

    def records(self, kind: EventKind | None = None) -> list[Event]:
        """What stands in the spool's files at this moment."""
        found = [
            decode(record.event)
            for path in segment.segments(self.folder / "spool")
            for record in segment.whole(path.read_bytes()).records
        ]
        return [one for one in found if one.kind is kind or (kind is None and one.kind is not EventKind.SPOOL_OPENED)]

    def forward_auth(self) -> ForwardAuth:
        return ForwardAuth(
            handle=partial(handle, gate=self.gate), kept=self.kept, refusals=self.gate.refusals, clock=self.gate.clock,
            mint=self.gate.mint,
        )  # fmt: skip

    def question(self, target: str = "/", *headers: tuple[bytes, bytes], method: str = "GET", **raw: object) -> Raw:
        """What the data plane asks about a request to the forward-auth host."""
        original = (
            (b"x-original-method", method.encode()),
            (b"x-original-host", f"{raw.pop('host', ASKED)}:{PORT}".encode()),
            (b"x-original-target", target.encode()),
            (b"x-original-scheme", b"http"),
            (b"x-original-address", b"192.0.2.9"),
        )
        asked = str(raw.pop("asked", "/auth"))
        made = self.raw(asked, *original, *headers, host="gate", **raw)  # type: ignore[arg-type]
        return replace(made, listener=Listener.GATE, peer="")


async def whole(answer: Outbound) -> Outbound:
    """The same answer with its body as bytes."""
    if isinstance(answer.body, bytes):
        return answer
    return replace(answer, body=b"".join([chunk async for chunk in answer.body]))


def header(answer: Outbound, name: bytes) -> str:
    """A header of an answer, or ""."""
    return next((value.decode() for key, value in answer.headers if key.lower() == name), "")


@contextlib.asynccontextmanager
async def open_door(
    folder: Path, *, subject_per_minute: int = 10_000, anonymous_per_minute: int = 10_000, **spool: object
) -> AsyncIterator[GatewayDoor]:
    """A door over `folder` until the end of the block."""
    heard: list[bytes] = []
    box: list[GatewayDoor] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not box[0].talk:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)
        await box[0].talk(reader, writer)

    async with upstream(talk) as url, Proxy() as proxy:
        door = _built(folder, url, proxy, heard, box, subject_per_minute, anonymous_per_minute, spool)
        _refuse_sql_in_this_thread(door.database)
        door.fresh()
        yield door
        door.gate.spool.close()
        door.database.close()


def _refuse_sql_in_this_thread(database: Database) -> None:
    """From here on a statement executed by the event loop fails the request."""
    loop_thread = threading.get_ident()

    def check(*_: object) -> None:
        if threading.get_ident() == loop_thread:
            raise AssertionError("SQL in the event loop")

    sa.event.listen(database._engine, "before_cursor_execute", check)


def in_a_thread(call: Callable[[], T]) -> T:
    """What a test prepares with SQL is not the event loop's either."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(60)


def _built(folder, url, proxy, heard, box, subject_per_minute, anonymous_per_minute, spool_options) -> GatewayDoor:  # type: ignore[no-untyped-def]
    def clock() -> datetime:
        return box[0].now

    numbers = itertools.count(1)

    def mint() -> str:
        return f"01J{next(numbers):023d}"

    database = Database(f"sqlite:///{folder / 'city.db'}")
    database.migrate()
    with database.transaction() as connection:
        for subject in (LI, WANG):
            row = {"id": subject, "iss": "i", "sub": subject, "login": subject[5:], "name": f"canary-{subject[5:]}"}
            connection.execute(
                sa.insert(store.person).values(**row, not_before=datetime(2026, 1, 1, tzinfo=UTC), record="r")
            )
    routes = [*routes_behind(url), *door_routes([HOST, DESK, ELSEWHERE, ASKED])]
    seal = Seal(bytes(32))
    ephemeral, directory = DatabaseEphemeral(database, clock=clock), Directory(database)
    sessions = Sessions(
        database, ephemeral, seal, epochs=MemoryEpochs(monotonic=time.monotonic), revalidate=lambda token: token,
        clock=clock, mint=mint,
    )  # fmt: skip
    parking = Parking(database, seal, clock=clock)
    spool = Spool(folder / "spool", clock=lambda: datetime(2026, 5, 1, tzinfo=UTC), **spool_options)
    assertions = Assertions(
        SigningKey(bytes(range(32))), pairwise=b"p" * 32, roles=lambda _subject, _department: ["clerk"]
    )
    frame = Frame(
        renderer=Renderer(Words(), static_url="/.citygate/static"), origin=f"http://{DESK}:{PORT}", headers=page_headers(),
        policies=lambda: box[0].gate.decider.snapshot.policies, departments={}, clock=clock, receipts=Receipts(seal),
    )  # fmt: skip
    issuer = Issuer(
        f"http://login.localhost:{PORT}", backchannel=Backchannel(address="127.0.0.1", port=9), monotonic=lambda: 0.0
    )
    sign_in = SignIn(
        frame, sessions=sessions, directory=directory, parking=parking, jwks=assertions.jwks, forget=lambda _cookie: None,
        effective=lambda _epoch: Receipt(epoch=1, confirmed=1, live=1, seconds=0.0),
        relying_party=RelyingParty(
            issuer, client_id="c", client_secret="s", seal=seal, clock=clock, spent=ephemeral,
        ),
    )  # fmt: skip
    flask = application()
    flask.register_blueprint(sign_in.blueprint())
    kept, streams = KeptRefusals(), Streams()
    decider = Decider(Snapshot(epoch=1, policies=policies(routes)), monotonic=lambda: box[0].seconds)
    gate = Gate(
        routes=RouteTable(routes),
        credentials=Credentials(sessions, AccessKeys(database, clock=clock), clock=clock),
        buckets=Buckets(
            subject_per_minute=subject_per_minute, anonymous_per_minute=anonymous_per_minute, clock=clock
        ),
        decider=decider,
        spool=spool,
        assertions=assertions,
        deliveries=Deliveries(proxy=proxy, local=Local(flask), allow=allow, streams=streams),
        refusals=Refusals(
            spool=spool, flood=Flood(), parking=parking, render=frame.refusal, page_headers=page_headers(),
            keep=kept.keep, mint=mint, clock=clock,
        ),
        clock=clock,
        mint=mint,
    )  # fmt: skip
    door = GatewayDoor(
        folder=folder, gate=gate, database=database, sessions=sessions, kept=kept, streams=streams, flask=flask,
        heard=heard,
    )  # fmt: skip
    box.append(door)
    return door
