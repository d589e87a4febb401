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
from flask import Flask, request

from audit import segment
from audit.event import Event, EventKind, decode
from audit.flood import Flood
from audit.spool import Spool
from authz.errors import AssignmentUnknown
from authz.label import Label
from authz.lease import Decider, Receipt, Snapshot
from authz.park import Parking
from authz.policy import Assignment, PolicySet, Rule
from authz.request import Effect
from console.frame import Frame
from console.render import Renderer
from console.routes import door_routes
from console.signin import SignIn
from crypto.aead import Seal
from crypto.sign import SigningKey
from gateway.allow import ForwardAuth, KeptRefusals, allow
from gateway.authenticate import Credentials
from gateway.deliver import Deliveries, Streams
from gateway.limit import Buckets
from gateway.local import Local, exchange, guard
from gateway.pipeline import Gate, handle
from gateway.proxy import Proxy
from gateway.refuse import Refusals, page_headers
from gateway.routes import Route, RouteTable, public_rules
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
from storage.epoch import Answer, MemoryEpochs
from tests.gateway.upstreams import OK, Talk, upstream

HOST, DESK, ELSEWHERE, ASKED = "permits.localhost", "desk.localhost", "other.localhost", "asked.localhost"
PORT = 8080
LI, WANG = "user:li", "user:wang"  # Li may, Wang may nothing but what everybody may
CITY = "city"
T = TypeVar("T")

# what the upstream has: an object of each label, a page for everybody, writes, a stream
_PATHS = {
    "/": {"GET": "read"},
    "/public/**": {"GET": "read"},
    "/low/**": {"GET": "read", "POST": "file"},
    "/secret/**": {"GET": "read", "POST": "file"},
    "/unruled/**": {"GET": "read", "POST": "file"},
}
_LABELS = {"/public/**": Label.L1, "/secret/**": Label.L3}


def upstream_routes(host: str, url: str) -> list[Route]:
    return [
        Route(
            host=host,
            path=path,
            system=host.partition(".")[0],
            department=CITY,
            actions=actions,
            upstream=url,
            label=_LABELS.get(path, Label.L2),
            public=path == "/public/**",
            grace_seconds=60,
        )
        for path, actions in _PATHS.items()
    ]


def local_routes() -> list[Route]:
    def route(path: str, label: Label = Label.L2, **actions: str) -> Route:
        return Route(
            host=DESK, path=path, system="desk", department=CITY, actions=actions, label=label, delivery="local",
            body_bytes=1000,
        )  # fmt: skip

    return [
        route("/notes/{note}", GET="read", POST="note:write"),
        route("/secret", Label.L3, GET="read", POST="note:write"),
        route("/broken", GET="read"),
        route("/gone", POST="note:write"),
    ]


def application() -> Flask:
    """Views that say what they know, and two that fail: one by a bug, one by a refusal from a lower room."""
    app = Flask("desk", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    guard(app)

    @app.route("/notes/<note>", methods=["GET", "POST"])
    def note(note: str) -> tuple[dict[str, object], int]:
        talk = exchange()
        talk.detail["note"] = note
        if request.method == "POST":
            app.config.get("HOLD", lambda: None)()
        told = {"subject": talk.recorded.identity.subject, "body": request.get_data(as_text=True), "note": note}
        return told, 201 if request.method == "POST" else 200

    @app.route("/secret", methods=["GET", "POST"])
    def secret() -> str:
        return "the secret"

    @app.route("/unrouted")
    def unrouted() -> str:
        return "nobody may see this"

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("canary-in-a-bug")

    @app.post("/gone")
    def gone() -> str:
        raise AssignmentUnknown("g1")

    return app


def policies(routes: Iterable[Route]) -> PolicySet:
    """Li reads and files everywhere but where no rule is; everybody has what is public."""
    rules = [
        Rule(id=f"{at}-{action}", subject="clerk", department=CITY, object=path, action=action, effect=Effect.PERMIT)
        for at, (path, actions) in enumerate(_RULES.items())
        for action in actions
    ]  # fmt: skip
    held = Assignment(id="g1", subject=LI, role="clerk", department=CITY, clearance=Label.L3)
    return PolicySet.build([*rules, *public_rules(routes)], [held])


_RULES = {
    **{
        f"/{system}/{path}": ("read", "file")
        for system in ("permits", "other", "asked")
        for path in ("", "low/*", "secret/*")
    },
    "/desk/*": ("read", "note:write"),
}


@dataclass
class Door:
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
        decider.answered(decider.question(), Answer(epoch=decider.snapshot.epoch, changes=()))

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
        begin = partial(self.sessions.begin, person_id=subject, host=host, address="", previous="", record="r")
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
        async def answer(raw: Raw) -> Outbound:
            return await handle(raw, self.gate)

        return ForwardAuth(
            handle=answer, kept=self.kept, refusals=self.gate.refusals, clock=self.gate.clock, mint=self.gate.mint
        )

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
async def opened(
    folder: Path, *, subject_per_minute: int = 10_000, anonymous_per_minute: int = 10_000, **spool: object
) -> AsyncIterator[Door]:
    """A door over `folder` until the end of the block."""
    heard: list[bytes] = []
    box: list[Door] = []

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
    """From here on a statement executed by the event loop fails the request (design §3)."""
    loop_thread = threading.get_ident()

    def check(*_: object) -> None:
        if threading.get_ident() == loop_thread:
            raise AssertionError("SQL in the event loop")

    sa.event.listen(database._engine, "before_cursor_execute", check)


def in_a_thread(call: Callable[[], T]) -> T:
    """What a test prepares with SQL is not the event loop's either."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def _built(folder, url, proxy, heard, box, subject_per_minute, anonymous_per_minute, spool_options) -> Door:  # type: ignore[no-untyped-def]
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
    routes = [
        *upstream_routes(HOST, url), *upstream_routes(ELSEWHERE, url), *upstream_routes(ASKED, url)[:3],
        *local_routes(),
        *door_routes([HOST, DESK, ELSEWHERE, ASKED]),
    ]  # fmt: skip
    routes = [replace(one, forward_auth=True) if one.host == ASKED and one.upstream else one for one in routes]
    table = RouteTable(routes)
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
        renderer=Renderer(static_url="/.citygate/static"), origin=f"http://{DESK}:{PORT}", headers=page_headers(),
        policies=lambda: box[0].gate.decider.snapshot.policies, departments={}, clock=clock,
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
        routes=table,
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
    door = Door(
        folder=folder, gate=gate, database=database, sessions=sessions, kept=kept, streams=streams, flask=flask,
        heard=heard,
    )  # fmt: skip
    box.append(door)
    return door
