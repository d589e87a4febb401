"""Wiring: the city process (door, desks, sequencer) and the local issuer's, each put together in one place."""

import asyncio
import logging
import os
import signal
import sys
import time
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import uvicorn
import uvloop
from a2wsgi import WSGIMiddleware
from flask import Flask
from ulid import ULID

from audit.flood import Flood
from audit.log import Log
from audit.sequencing import Sequencing
from audit.spool import Spool
from authz.administer import Administration
from authz.bootstrap import CLOCK
from authz.lease import Decider, Keeper, Receipt, receipt
from authz.park import Parking
from authz.policy import PolicySet
from authz.register import Register
from authz.snapshot import Snapshots
from console.application import Parts, create_application
from console.frame import Frame
from console.issuer_pages import IssuerPages
from console.render import Renderer
from console.routes import console_routes, door_routes, entrance
from crypto.aead import Seal
from crypto.local_keys import load
from crypto.sign import SigningKey, load_public
from gateway.allow import ForwardAuth, KeptRefusals, allow
from gateway.authenticate import Credentials
from gateway.clock_job import tick
from gateway.deliver import Deliveries, Streams
from gateway.limit import Buckets
from gateway.listeners import behind_data_plane, public
from gateway.local import Local
from gateway.operations import operations
from gateway.pipeline import Gate, handle
from gateway.proxy import Proxy
from gateway.refuse import Refusals, note_unreadable, page_headers, write_counted
from gateway.routes import RouteTable, load_routes, public_rules
from gateway.server import Binding, bind_tcp, serve
from gateway.target import telling
from gateway.transform import Assertions
from idp.access_key import AccessKeys, kept_key
from idp.directory import Directory
from idp.issuer import Backchannel, Issuer
from idp.local_issuer.accounts import Accounts
from idp.local_issuer.service import IssuerConfig, create_issuer
from idp.local_issuer.through_the_door import only_through_the_door
from idp.relying_party import RelyingParty, SpentStatesInMemory
from idp.session import Sessions
from settings import Settings, from_environment
from storage.database import Database
from storage.epoch import MemoryEpochs

VERSION, CLIENT_ID = "0.1.0", "citygate"
LOCAL_ISSUER = "local"  # its people stay the same when `--port` moves its address


def clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def mint() -> str:
    """A new id: a ULID, sortable by time."""
    return str(ULID())


class City:
    """The city process: everything behind the one door, built from settings and the data folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings, data = settings, settings.data
        self.console = settings.origin("console")
        self.database = Database(f"sqlite:///{data / 'city.db'}")
        self.database.migrate()
        self.seal = seal = Seal(load(data / "keys/seal.key"))
        self.directory = Directory(self.database, issuers={settings.issuer: LOCAL_ISSUER})
        self.sessions = Sessions(self.database, seal, clock=clock, mint=mint)
        self.parking = Parking(self.database, seal, clock=clock, mint=mint)
        self.register = Register(self.database, self.directory, public=lambda: public_rules(self.routes.routes))
        labels = {name: system.label for name, system in self.register.systems().items()}
        portals = load_routes(settings.routes, labels=labels) if settings.routes else []
        desks = console_routes(f"console.{settings.domain}")
        hosts = sorted({route.host for route in (*desks, *portals)})
        self.portals = {route.system: route for route in portals if route.path == "/"}
        self.routes = RouteTable([entrance(settings.domain), *desks, *portals, *door_routes(hosts)])
        self.streams = Streams()
        self.epochs = MemoryEpochs(monotonic=time.monotonic, bumped=lambda: self.keeper.nudge())
        self.snapshots = Snapshots(
            self.register,
            monotonic=time.monotonic,
            ended=self.streams.end_soon,
            ended_within=self.sessions.ended_within,
        )
        self.decider = Decider(self.snapshots.first())
        self.keeper = Keeper(
            self.decider,
            self.epochs,
            gateway=mint(),
            load=self.snapshots.load,
            trouble=lambda failure: logging.getLogger("citygate").error("lease: %s", failure or "deadline"),
        )
        self.credentials = Credentials(self.sessions, AccessKeys(self.database, clock=clock), clock=clock)
        self.log = audit_log(settings)
        self.spool = Spool(self.log.spools / "city", clock=clock)
        self.page_headers = page_headers([settings.origin("login")])  # signing out ends at the issuer
        self.buckets = Buckets(
            subject_per_minute=settings.subject_per_minute, anonymous_per_minute=settings.anonymous_per_minute
        )

    def gate(self, proxy: Proxy) -> tuple[Gate, KeptRefusals]:
        """The door's values."""
        settings, kept = self.settings, KeptRefusals()
        frame = Frame(
            renderer=Renderer(static_url="/.citygate/static"),
            origin=self.console,
            headers=self.page_headers,
            policies=self.policies,
            departments=self.directory.departments(),
            clock=clock,
        )
        assertions = Assertions(
            SigningKey(load(settings.data / "keys/assertion.key")),
            pairwise=load(settings.data / "keys/pairwise.key"),
            roles=lambda subject, department: self.policies().roles_held(subject, department, clock()),
        )
        refusals = Refusals(
            spool=self.spool,
            flood=Flood(),
            parking=self.parking,
            render=frame.refusal,
            page_headers=self.page_headers,
            keep=kept.keep,
            mint=mint,
            clock=clock,
        )
        pages = self.pages(frame, assertions)
        gate = Gate(
            routes=self.routes,
            credentials=self.credentials,
            buckets=self.buckets,
            decider=self.decider,
            spool=self.spool,
            assertions=assertions,
            deliveries=Deliveries(proxy=proxy, local=Local(pages), allow=allow, streams=self.streams),
            refusals=refusals,
            clock=clock,
            mint=mint,
        )
        return gate, kept

    def pages(self, frame: Frame, assertions: Assertions) -> Flask:
        """The Flask application behind `local`."""
        administration = Administration(
            self.database,
            self.directory,
            changed=lambda subject: self.epochs.bump([("subject", subject)]),
            clock=clock,
            mint=mint,
        )
        return create_application(
            Parts(
                frame=frame,
                relying_party=self.relying_party(),
                sessions=self.sessions,
                directory=self.directory,
                register=self.register,
                administration=administration,
                parking=self.parking,
                log=self.log,
                seal=self.seal,
                policies=self.policies,
                portals=self.portals,
                effective=self.effective,
                ended=self.ended,
                forget=self.credentials.forget,
                jwks=assertions.jwks,
                jobs={"sweep": self.sweep},
                clock=clock,
            )
        )

    def relying_party(self) -> RelyingParty:
        """Our side of every login."""
        backchannel = Backchannel(address="127.0.0.1", port=self.settings.issuer_port)
        issuer = Issuer(self.settings.issuer, backchannel=backchannel, monotonic=time.monotonic)
        secret = load(self.settings.data / "keys/client.key").hex()
        spent = SpentStatesInMemory(monotonic=time.monotonic)
        return RelyingParty(issuer, client_id=CLIENT_ID, client_secret=secret, seal=self.seal, spent=spent, clock=clock)

    def policies(self) -> PolicySet:
        """What the door decides by now."""
        return self.decider.snapshot.policies

    def effective(self, epoch: int) -> Receipt:
        """Wait until every gateway decides by `epoch`."""
        return receipt(self.epochs, epoch)

    def ended(self, sessions: Iterable[str]) -> Receipt:
        """Tell every gateway that these sessions are over, and wait for it."""
        return self.effective(self.epochs.bump([("session", one) for one in sessions]))

    def sweep(self) -> int:
        """What the clock-job asks for: write down who was here, forget what is over."""
        self.credentials.flush()
        return self.sessions.sweep() + self.parking.sweep()


def audit_log(settings: Settings) -> Log:
    """Where this city's log is; reading and verifying it takes the public key alone."""
    key = load_public(settings.data / "keys/audit.pub")
    return Log(folder=settings.data / "audit", key=key, origin=f"citygate.{settings.domain}/audit")


async def run_city(settings: Settings) -> None:
    """The city process, until a signal."""
    city, stop = City(settings), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    sequencing = Sequencing(city.log, SigningKey(load(settings.data / "keys/audit.key")))
    sequencing.start()
    async with Proxy() as proxy:
        gate, kept = city.gate(proxy)
        answer = partial(handle, gate=gate)
        host, key = city.console.partition("//")[2], kept_key(settings.data / "keys", CLOCK)
        machine = tick(answer, host=host, key=key, own=partial(write_counted, gate.refusals))
        keeping = [asyncio.create_task(city.keeper.keep()), asyncio.create_task(machine)]
        checks = {"lease": lambda: "" if city.decider.fresh() else "not confirmed", "spool": city.spool.blocked}
        checks["sequencer"] = sequencing.trouble
        own = Binding(socket=bind_tcp("127.0.0.1", settings.port + 1), application=operations(checks, version=VERSION))
        question = ForwardAuth(handle=answer, kept=kept, refusals=gate.refusals, clock=clock, mint=mint).answer
        run, secret = settings.data / "run", settings.data_plane_secret
        if settings.listen:
            doors = public(answer, port=settings.port)
        else:
            doors = behind_data_plane(answer, question, folder=run, secret=secret)
        await serve([own, *doors], stop=stop, protocol=telling(note_unreadable(gate.refusals)))
        for task in keeping:
            task.cancel()
        await write_counted(gate.refusals, everything=True)
    city.spool.close()
    sequencing.stop()
    city.database.close()


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


if __name__ == "__main__":
    os.umask(0o077)  # what we write is ours alone
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if sys.argv[1:] == ["issuer"]:
        run_issuer(from_environment())
    else:
        uvloop.run(run_city(from_environment()))
