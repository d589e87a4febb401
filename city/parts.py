"""Wiring: the door's program, everything behind `handle` put together from settings in one place."""

import contextlib
import gc
import logging
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from audit.flood import Flood
from audit.log import Log
from audit.reconcile import Reconciled
from audit.spool import Spool
from authz.lease import Decider, Keeper, Receipt, Snapshot, receipt
from authz.park import Parking
from authz.policy import PolicySet
from authz.register import Register
from authz.snapshot import Snapshots
from city.backups import backups
from city.desks import open_desks
from city.identifiers import mint
from city.infrastructure import infrastructure
from city.issuer_administration import provisioner
from city.keys import CityKeys
from city.settings import Settings
from city.stores import Stores
from console.routes import console_routes
from console.shell.frame import Frame
from console.shell.render import Renderer
from console.signin.routes import door_routes, entrance
from crypto.aead import Sealer
from crypto.local_keys import load
from crypto.sign import SigningKey, load_public
from gateway.allow import KeptRefusals, allow
from gateway.authenticate import Credentials
from gateway.deliver import Deliveries, Streams
from gateway.limit import Buckets
from gateway.local import Local
from gateway.pipeline import Gate
from gateway.proxy import Proxy
from gateway.refuse import Refusals, page_headers
from gateway.routes import Route, RouteTable, load_routes, public_rules
from gateway.signed import Signed
from gateway.transform import Assertions
from idp.access_key import AccessKeys
from idp.app_key import AppKeys
from idp.directory import Directory
from idp.errors import IssuerAdministrationUnavailable, PersonUnknown
from idp.issuer import Backchannel, Issuer
from idp.keycloak.changes import PASSWORD_RESET
from idp.keycloak.realm import CLIENT_ID
from idp.relying_party import RelyingParty
from idp.session import Sessions
from storage import witness
from storage.act import Act
from storage.epoch import Answer

__all__ = ["ISSUERS", "ROLES", "City", "audit_log", "clock", "mint", "relying_party"]
ISSUERS = {"embedded": "local", "production": "keycloak"}  # whose people stay the same where its address moves
_log = logging.getLogger("citygate")
ROLES = ("city", "gateway", "control")  # everything; the portals' door; the desks' door


def clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


class City:
    """One process of the door: routes by its role, everything else the same."""

    def __init__(self, settings: Settings, stores: Stores, *, role: str = "city") -> None:
        self.settings, self.stores = settings, stores
        self.console = settings.origin("console")
        self.provisioner, self.telling = provisioner(settings, clock=clock), ThreadPoolExecutor(2, "sign-out")
        self.directory = Directory(stores.database, issuers={settings.issuer: ISSUERS[settings.profile]})
        self.city_keys = CityKeys(settings, stores, self.directory, clock=clock, mint=mint)
        self.seal, self.upkeep = self.city_keys.seal, self.city_keys.upkeep(self.effective)
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
        self.parking = Parking(stores.database, self.seal, clock=clock)
        self.register = Register(stores.database, self.directory, public=lambda: public_rules(self.whole_table))
        self.whole_table = self._routes(role)
        self.buckets = Buckets(
            subject_per_minute=settings.subject_per_minute,
            anonymous_per_minute=settings.anonymous_per_minute,
            clock=clock,
            counts=stores.counts,
        )
        apps = AppKeys(stores.database, self.seal, clock=clock)
        self.signed = Signed(apps, stores.ephemeral, clock, self.buckets.check)
        self.decider, self.keeper = self._deciding()
        stores.hints.listen(self.keeper.nudge)
        self.keys = AccessKeys(stores.database, clock=clock)
        self.credentials = Credentials(self.sessions, self.keys, self.signed, clock=clock, leased=self.decider.fresh)
        self.infra = infrastructure(settings, stores.database, self.directory, clock=clock, mint=mint)
        self.log = audit_log(settings)
        self.spool = Spool(self.log.spools / settings.name, clock=clock)
        self.backups = backups(
            settings, stores.database, self.log, self.seal, self.spool, grade=self.grade, clock=clock, mint=mint
        )
        self.page_headers = page_headers([settings.origin("login")])  # signing out ends at the issuer

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
            load=partial(_load, snapshots, self._learn),
            trouble=lambda failure: _log.error("lease: %s", failure or "deadline"),
        )
        return decider, keeper

    def _learn(self, answer: Answer) -> None:
        """What this process holds beside the policy, before the epoch is confirmed."""
        self.signed.forget()  # whoever is found from here on is found as he is after the change
        self.city_keys.learn(answer)  # a key's version seals when every gateway has it

    def _routes(self, role: str) -> list[Route]:
        """Fill this role's route table; return every route of the city, whose public ones all processes know."""
        settings = self.settings
        labels = {name: system.label for name, system in self.register.systems().items()}
        portals = load_routes(settings.routes, labels=labels) if settings.routes else []
        self.desks = console_routes(f"console.{settings.domain}")
        desks = [entrance(settings.domain), *self.desks]
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
        pages = open_desks(self, frame, assertions, clock=clock)
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

    def policies(self) -> PolicySet:
        """What the door decides by now."""
        return self.decider.snapshot.policies

    def effective(self, epoch: int) -> Receipt:
        """Wait until every gateway decides by `epoch`."""
        self.stores.hints.tell()
        return receipt(self.stores.epochs, epoch)

    def grade(self) -> int:
        """Of the platform: the highest it carries (GB/T 22240-2020)."""
        systems = self.register.systems().values()
        return max((max(one.s or one.label, one.a or 1) for one in systems), default=1)

    def reconciled(self) -> Reconciled:
        """Every witnessed row, as it is at one moment, held against the log."""
        with self.stores.database.reading() as connection:
            rows = list(witness.rows(connection))
        return self.log.reconcile(rows, stays=witness.stays, now=clock())

    def sweep(self, _act: Act) -> int:
        """What the clock-job asks for: forget what is over."""
        return self.sessions.sweep() + self.parking.sweep()

    def flush(self) -> None:
        """Write down what was only counted: sessions in use, and uses of keys."""
        self.credentials.flush()
        self.city_keys.uses.flush()

    def sign_out(self, sub: str) -> None:
        """Have the issuer end this person's sign-ons, while nobody waits for that."""

        def ask() -> None:
            try:
                self.provisioner.sign_out(sub)
            except IssuerAdministrationUnavailable:
                _log.exception("the issuer was not told of a sign-out")

        self.telling.submit(ask)

    def issuer_changes(self, act: Act) -> int:
        """End the sessions of whoever may no longer sign in at the issuer; return of how many people."""
        over = 0
        for change in self.provisioner.changes():
            with contextlib.suppress(PersonUnknown):
                person = self.directory.signed_in(iss=self.settings.issuer, sub=change.sub)
                if change.what != PASSWORD_RESET:
                    self.keys.end(person.id)
                if change.at > person.not_before:  # else that was done at an earlier look
                    self.sessions.end_all(person.id, self.directory, record=act.record, before=change.at)
                    over += 1
        if over:
            self.stores.hints.tell()
        return over


def _load(snapshots: Snapshots, learn: Callable[[Answer], None], held: Snapshot, answer: Answer) -> Snapshot:
    """The next snapshot; whole new policies are set aside from the garbage collector, as the first ones are."""
    learn(answer)
    loaded = snapshots.load(held, answer)
    if loaded.policies.rules is not held.policies.rules:
        gc.freeze()
    return loaded


def relying_party(settings: Settings, seal: Sealer, stores: Stores) -> RelyingParty:
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
