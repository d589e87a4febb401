"""Wiring: the door's program, everything behind `handle` put together from settings in one place."""

import base64
import contextlib
import gc
import logging
import os
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache, partial

from flask import Flask

from audit.flood import Flood
from audit.log import Log
from audit.spool import Spool
from authz.administer import Administration
from authz.lease import Decider, Keeper, Receipt, Snapshot, receipt
from authz.park import Parking
from authz.policy import PolicySet
from authz.register import Register
from authz.snapshot import Snapshots
from console.application import Parts, create_application
from console.frame import Frame
from console.render import Renderer
from console.routes import console_routes, door_routes, entrance
from crypto.aead import Seal
from crypto.local_keys import load
from crypto.sign import SigningKey, load_public
from gateway.allow import KeptRefusals, allow
from gateway.authenticate import Credentials
from gateway.clock_job import ISSUER_CHANGES, SWEEP
from gateway.deliver import Deliveries, Streams
from gateway.limit import Buckets
from gateway.local import Local
from gateway.pipeline import Gate
from gateway.proxy import Proxy
from gateway.refuse import Refusals, page_headers
from gateway.routes import Route, RouteTable, load_routes, public_rules
from gateway.transform import Assertions
from idp.access_key import AccessKeys
from idp.directory import Directory
from idp.errors import IssuerAdministrationUnavailable, PersonUnknown
from idp.issuer import Backchannel, Issuer
from idp.keycloak.changes import PASSWORD_RESET
from idp.keycloak.realm import CLIENT_ID
from idp.relying_party import RelyingParty
from idp.session import Sessions
from provision import provisioner
from settings import Settings
from storage.epoch import Answer
from stores import Stores

ISSUERS = {"embedded": "local", "production": "keycloak"}  # whose people stay the same where its address moves
_BLOCK = 400  # ids whose 80 random bits are asked of the system at once
_CHANCES: list[str] = []
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
os.register_at_fork(after_in_child=_CHANCES.clear)
_log = logging.getLogger("citygate")
ROLES = ("city", "gateway", "control")  # everything; the portals' door; the desks' door


def clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def mint() -> str:
    """A new id: a ULID, sortable by time. From any thread."""
    milliseconds = time.time_ns() // 1_000_000
    try:
        chance = _CHANCES.pop()
    except IndexError:
        block = base64.b32encode(os.urandom(10 * _BLOCK)).translate(_CROCKFORD).decode()
        chance, *fresh = (block[at : at + 16] for at in range(0, len(block), 16))
        _CHANCES.extend(fresh)  # each is taken once, whichever thread made it
    return _moment(milliseconds) + chance


@lru_cache(maxsize=1)
def _moment(milliseconds: int) -> str:
    return base64.b32encode(milliseconds.to_bytes(10)).translate(_CROCKFORD)[-10:].decode()


class City:
    """One process of the door: routes by its role, everything else the same."""

    def __init__(self, settings: Settings, stores: Stores, *, role: str = "city") -> None:
        self.settings, self.stores, data = settings, stores, settings.data
        self.console = settings.origin("console")
        self.provisioner, self.telling = provisioner(settings, clock=clock), ThreadPoolExecutor(2, "sign-out")
        self.seal = Seal(load(data / "keys/seal.key"))
        self.directory = Directory(stores.database, issuers={settings.issuer: ISSUERS[settings.profile]})
        self.relying_party = relying_party(settings, self.seal, stores)
        self.sessions = Sessions(
            stores.database,
            stores.ephemeral,
            self.seal,
            epochs=stores.epochs,
            revalidate=self.relying_party.refresh,
            sign_out=self.sign_out,
            clock=clock,
            mint=mint,
        )
        self.parking = Parking(stores.database, self.seal, clock=clock, mint=mint)
        self.register = Register(stores.database, self.directory, public=lambda: public_rules(self.whole_table))
        self.whole_table = self._routes(role)
        self.decider, self.keeper = self._deciding()
        stores.hints.listen(self.keeper.nudge)
        self.keys = AccessKeys(stores.database, clock=clock)
        self.credentials = Credentials(self.sessions, self.keys, clock=clock, leased=self.decider.fresh)
        self.log = audit_log(settings)
        self.spool = Spool(self.log.spools / settings.name, clock=clock)
        self.page_headers = page_headers([settings.origin("login")])  # signing out ends at the issuer
        self.buckets = Buckets(
            subject_per_minute=settings.subject_per_minute,
            anonymous_per_minute=settings.anonymous_per_minute,
            clock=clock,
            counts=stores.counts,
        )

    def _deciding(self) -> tuple[Decider, Keeper]:
        """What the door decides by, and who keeps it fresh."""
        epochs, self.streams = self.stores.epochs, Streams()
        snapshots = Snapshots(
            self.register,
            monotonic=time.monotonic,
            ended=self.streams.end_soon,
            ended_within=self.sessions.ended_within,
        )
        decider = Decider(snapshots.first(epochs.confirmations().epoch))
        keeper = Keeper(
            decider,
            epochs,
            gateway=f"{self.settings.name}/{mint()}",
            load=partial(_load, snapshots),
            trouble=lambda failure: _log.error("lease: %s", failure or "deadline"),
        )
        return decider, keeper

    def _routes(self, role: str) -> list[Route]:
        """Fill this role's route table; return every route of the city, whose public ones all processes know."""
        settings = self.settings
        labels = {name: system.label for name, system in self.register.systems().items()}
        portals = load_routes(settings.routes, labels=labels) if settings.routes else []
        desks = [entrance(settings.domain), *console_routes(f"console.{settings.domain}")]
        self.portals = {route.system: route for route in portals if route.path == "/"}
        served = {"city": [*desks, *portals], "gateway": portals, "control": desks}[role]
        hosts = sorted({route.host for route in served} - {settings.domain})
        self.routes = RouteTable([*served, *door_routes(hosts)])
        everywhere = sorted({route.host for route in (*desks, *portals)} - {settings.domain})
        return [*desks, *portals, *door_routes(everywhere)]

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
            self.stores.database, self.directory, epochs=self.stores.epochs, clock=clock, mint=mint
        )
        return create_application(
            Parts(
                frame=frame,
                relying_party=self.relying_party,
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
                forget=self.credentials.forget,
                jwks=assertions.jwks,
                drift=self.provisioner.drift,
                apply=self.provisioner.apply,
                jobs={SWEEP: self.sweep, ISSUER_CHANGES: self.issuer_changes},
                clock=clock,
            )
        )

    def policies(self) -> PolicySet:
        """What the door decides by now."""
        return self.decider.snapshot.policies

    def effective(self, epoch: int) -> Receipt:
        """Wait until every gateway decides by `epoch`."""
        self.stores.hints.tell()
        return receipt(self.stores.epochs, epoch)

    def sweep(self, _record: str) -> int:
        """What the clock-job asks for: forget what is over."""
        return self.sessions.sweep() + self.parking.sweep()

    def sign_out(self, sub: str) -> None:
        """Have the issuer end this person's sign-ons, while nobody waits for that."""

        def ask() -> None:
            try:
                self.provisioner.sign_out(sub)
            except IssuerAdministrationUnavailable:
                _log.exception("the issuer was not told of a sign-out")

        self.telling.submit(ask)

    def issuer_changes(self, record: str) -> int:
        """End the sessions of whoever may no longer sign in at the issuer; return of how many people."""
        over = 0
        for change in self.provisioner.changes():
            with contextlib.suppress(PersonUnknown):
                person = self.directory.signed_in(iss=self.settings.issuer, sub=change.sub)
                if change.what != PASSWORD_RESET:
                    self.keys.end(person.id)
                if change.at > person.not_before:  # else that was done at an earlier look
                    self.sessions.end_all(person.id, self.directory, record=record, before=change.at)
                    over += 1
        if over:
            self.stores.hints.tell()
        return over


def _load(snapshots: Snapshots, held: Snapshot, answer: Answer) -> Snapshot:
    """The next snapshot; whole new policies are set aside from the garbage collector, as the first ones are."""
    loaded = snapshots.load(held, answer)
    if loaded.policies.rules is not held.policies.rules:
        gc.freeze()
    return loaded


def relying_party(settings: Settings, seal: Seal, stores: Stores) -> RelyingParty:
    """Our side of every login."""
    tls = ssl.create_default_context(cafile=settings.issuer_ca) if settings.issuer_ca else None
    backchannel = Backchannel(address=settings.issuer_address, port=settings.issuer_port, tls=tls)
    issuer = Issuer(settings.issuer, backchannel=backchannel, monotonic=time.monotonic)
    secret = load(settings.data / "keys/client.key").hex()
    return RelyingParty(
        issuer, client_id=CLIENT_ID, client_secret=secret, seal=seal, spent=stores.ephemeral, clock=clock
    )


def audit_log(settings: Settings) -> Log:
    """Where this city's log is; reading and verifying it takes the public key alone."""
    key = load_public(settings.data / "keys/audit.pub")
    return Log(folder=settings.data / "audit", key=key, origin=f"citygate.{settings.domain}/audit")
