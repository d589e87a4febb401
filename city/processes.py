"""The processes of a city, by role: `python -m city.processes ROLE`, until a signal; settings are the environment's."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, cast

import uvicorn
import uvloop
from a2wsgi import WSGIMiddleware

from audit.city_time import CITY_TIME
from audit.sequencing import Sequencing
from authz.bootstrap import CLOCK
from city.clock import clock
from city.door import open_gate
from city.identifiers import mint
from city.parts import City, open_city
from city.records import open_log
from city.settings import Settings, from_environment
from city.stores import database_url, open_stores
from city.supervisor import heed_signals
from console.shell.issuer_pages import IssuerPages
from crypto.aead import Seal
from crypto.errors import KeyFileUnsafe
from crypto.kept_key import kept_key
from crypto.local_keys import load
from crypto.sign import SigningKey, load_public
from gateway.allow import ForwardAuth
from gateway.clock_job import (
    BACKUP,
    INFRA,
    KEYS,
    PERIODS_SECONDS,
    SWEEP,
    Failures,
    in_process,
    over_http,
    own_minute,
    tick,
)
from gateway.http.listeners import behind_data_plane, bind_tcp, public
from gateway.http.server import Binding, serve
from gateway.http.target import telling
from gateway.operations import Checks, operations
from gateway.pipeline import handle
from gateway.proxy import Proxy
from gateway.refuse import note_unreadable, write_counted
from idp.keycloak.realm import CLIENT_ID
from issuer.accounts import Accounts
from issuer.service import IssuerConfig, create_issuer
from issuer.through_the_door import only_through_the_door
from storage.database import Database
from storage.election import Election

VERSION = "0.1.0"
_STANDBY_SECONDS = 0.5
_GARBAGE = 20_000  # objects that came and did not go; a request leaves none in a circle


async def run_door(settings: Settings, role: str) -> None:
    """The door: `gateway` before the portals, `control` before the desks; `city` is both and all the rest."""
    stop, stores = _until_signal(), open_stores(settings, clock=clock)
    city = open_city(settings, stores, role=role)
    checks = {
        "lease": lambda: "" if city.deciding.decider.fresh() else "not confirmed",
        "spool": city.records.spool.why_blocked,
    }
    checks["limits"] = city.strangers.buckets.trouble
    if role != "gateway":
        await asyncio.to_thread(city.rooms.backups.recover)
    async with contextlib.AsyncExitStack() as stack:
        if role == "city":
            checks["sequencer"] = stack.enter_context(_sequencing(settings)).trouble
        gate, kept = open_gate(city, await stack.enter_async_context(Proxy()))
        answer = partial(handle, gate=gate)
        tasks = [
            city.deciding.keeper.keep(),
            city.deciding.streams.keep(city.deciding.decider, clock),
            city.strangers.buckets.exchange(),
        ]
        tasks.append(own_minute(partial(write_counted, gate.refusals), partial(_flush, city)))
        if role == "city":
            ask = in_process(answer, host=_console(settings), key=kept_key(settings.data / "keys", CLOCK))
            periods, failures = {job: PERIODS_SECONDS[job] for job in (SWEEP, INFRA, KEYS, BACKUP)}, Failures()
            checks["clock"] = failures.trouble
            tasks.append(tick(ask, periods=periods, failures=failures))
        question = ForwardAuth(handle=answer, kept=kept, refusals=gate.refusals, clock=clock, mint=mint).answer
        if settings.listen:
            doors = public(answer, port=settings.port)
        else:
            doors = behind_data_plane(answer, question, folder=settings.run, secret=settings.data_plane_secret)
        stack.push_async_callback(write_counted, gate.refusals, everything=True)
        await stack.enter_async_context(_running(tasks))
        _set_aside()
        await serve([_own_port(settings, checks), *doors], stop=stop, protocol=telling(note_unreadable(gate.refusals)))
    city.records.spool.close()
    stores.close()


def _flush(city: City) -> None:
    """Write down what was only counted: sessions in use, and uses of keys."""
    city.credentials.flush()
    city.keys.uses.flush()


async def run_sequencer(settings: Settings) -> None:
    """The one writer of the log; as many as are started stand by."""

    async def lead() -> AsyncIterator[Callable[[], str]]:
        with _sequencing(settings) as sequencing:
            yield sequencing.trouble

    await _elected(settings, "sequencer", contextlib.asynccontextmanager(lead))


async def run_clock(settings: Settings) -> None:
    """The clock-job: a client of the door like any other, with a key of its own."""

    async def lead() -> AsyncIterator[Callable[[], str]]:
        key, failures = kept_key(settings.data / "keys", CLOCK), Failures()
        async with (
            over_http(settings.origin("console"), key=key) as ask,
            _running([tick(ask, periods=PERIODS_SECONDS, failures=failures)]),
        ):
            yield failures.trouble

    await _elected(settings, "clock", contextlib.asynccontextmanager(lead))


async def _elected(
    settings: Settings, office: str, lead: Callable[[], contextlib.AbstractAsyncContextManager[Callable[[], str]]]
) -> None:
    """Stand by until the office is free, hold it until a signal or until the database no longer says that we do."""
    stop, election = _until_signal(), Election(database_url(settings), office)
    trouble: Callable[[], str] = lambda: ""  # noqa: E731
    port = _own_port(settings, {office: lambda: trouble()})
    serving = asyncio.create_task(serve([port], stop=stop))
    while not stop.is_set():
        if await asyncio.to_thread(election.wins):
            async with lead() as trouble:
                while not stop.is_set() and await asyncio.to_thread(election.leads):
                    await _pause(stop)
            trouble = lambda: ""  # noqa: E731
        await _pause(stop)
    await serving
    election.close()


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), _STANDBY_SECONDS)


def _set_aside() -> None:
    """What is loaded stays, so the garbage collector need not look at 100 000 rules again every few seconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)


@contextlib.contextmanager
def _sequencing(settings: Settings) -> Iterator[Sequencing]:
    sequencing = Sequencing(open_log(settings), SigningKey(load(settings.data / "keys/audit.key")))
    sequencing.start()
    try:
        yield sequencing
    finally:
        sequencing.stop()


@contextlib.asynccontextmanager
async def _running(work: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Beside the block, and no longer. What fails ends the block too: no process goes on with a part of it dead."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        yield
        for task in tasks:
            task.cancel()


def _console(settings: Settings) -> str:
    return settings.origin("console").partition("//")[2]


def _own_port(settings: Settings, checks: Checks) -> Binding:
    return Binding(socket=bind_tcp("127.0.0.1", settings.operations), application=operations(checks, version=VERSION))


def _until_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


def run_issuer(settings: Settings) -> None:
    """The local issuer's process: its own file, its own keys, its pages from the console's templates."""
    folder = settings.data / "issuer"
    seal = Seal(load(folder / "seal.key"))
    names = tomllib.loads(settings.routes.read_text())["names"] if settings.routes else {}
    pages = IssuerPages(names, origin=settings.origin("console"))
    config = IssuerConfig(
        url=settings.issuer,
        path=folder / "issuer.db",
        client_id=CLIENT_ID,
        client_secret=load(settings.data / "keys/client.key").hex(),
        portals={settings.origin(name): name for name in names},
        zone=CITY_TIME,
    )
    accounts = Accounts(folder / "accounts.db", seal, clock)
    application = create_issuer(
        config, accounts=accounts, seal=seal, render=pages.render, clock=clock, language=pages.language
    )
    door = load_public(settings.data / "keys/assertion.pub")
    only_through_the_door(application, door, audience="login", clock=clock)
    uvicorn.run(
        WSGIMiddleware(cast("Any", application)),
        host="127.0.0.1",
        port=settings.issuer_port,
        log_level="warning",
        access_log=False,
    )


def run_migrate(settings: Settings) -> None:
    """Bring the production database's schema to this version's, and end; the founding does so itself."""
    database = Database(database_url(settings))
    database.migrate()
    database.close()


def main(role: str) -> None:
    """Run one process of the city."""
    os.umask(0o077)  # what we write is ours alone
    heed_signals()
    with contextlib.suppress(OSError):  # a hint: who wakes interrupts nobody who works
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    settings = from_environment()
    try:
        if role == "issuer":
            run_issuer(settings)
        elif role == "migrate":
            run_migrate(settings)
        else:
            run = {"sequencer": run_sequencer, "clock": run_clock}.get(role) or partial(run_door, role=role)
            uvloop.run(run(settings))
    except KeyFileUnsafe as unsafe:
        sys.exit(f"citygate: {unsafe}")


if __name__ == "__main__":
    main(sys.argv[1])
