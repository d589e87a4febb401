"""Who signs in here: the directory, our side of every login, sessions, access keys, and the issuer's administration."""

import contextlib
import logging
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from city.issuer_administration import Provisioner, provisioner
from city.settings import Settings
from city.stores import Stores
from crypto.aead import Sealer
from crypto.local_keys import load
from idp.access_key import AccessKeys
from idp.directory import Directory
from idp.errors import IssuerAdministrationUnavailable, PersonUnknown
from idp.issuer import Backchannel, Issuer
from idp.keycloak.changes import PASSWORD_RESET
from idp.keycloak.realm import CLIENT_ID
from idp.relying_party import RelyingParty
from idp.session import Sessions
from storage.act import Act

ISSUERS = {"embedded": "local", "production": "keycloak"}  # whose people stay the same where its address moves
_log = logging.getLogger("citygate")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everything that says who is calling."""

    issuer_url: str
    directory: Directory
    relying_party: RelyingParty
    sessions: Sessions
    access_keys: AccessKeys
    issuer: Provisioner

    def end_sessions_of_changed(self, act: Act) -> int:
        """End the sessions of whoever may no longer sign in at the issuer; return of how many people."""
        ended = 0
        for change in self.issuer.changes():
            with contextlib.suppress(PersonUnknown):
                person = self.directory.person_of(iss=self.issuer_url, sub=change.sub)
                if change.what != PASSWORD_RESET:
                    self.access_keys.end(person.id)
                if change.at > person.not_before:  # else that was done at an earlier look
                    self.sessions.end_all(person.id, self.directory, act=act, before=change.at)
                    ended += 1
        return ended


def open_directory(settings: Settings, stores: Stores) -> Directory:
    """The people and departments of this city."""
    return Directory(stores.database, issuers={settings.issuer: ISSUERS[settings.profile]})


def open_people(
    settings: Settings,
    stores: Stores,
    directory: Directory,
    seal: Sealer,
    *,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> People:
    """Put it together; nobody is asked anything by that. Raises KeyFileUnsafe."""
    issuer, party = provisioner(settings, clock=clock), open_relying_party(settings, seal, stores, clock=clock)
    sessions = Sessions(
        stores.database,
        stores.ephemeral,
        seal,
        epochs=stores.epochs,
        revalidate=party.refresh,
        sign_out=_in_background(issuer.sign_out),
        clock=clock,
        mint=mint,
    )
    return People(
        issuer_url=settings.issuer,
        directory=directory,
        relying_party=party,
        sessions=sessions,
        access_keys=AccessKeys(stores.database, clock=clock),
        issuer=issuer,
    )


def open_relying_party(
    settings: Settings, seal: Sealer, stores: Stores, *, clock: Callable[[], datetime]
) -> RelyingParty:
    """Our side of every login. Raises KeyFileUnsafe."""
    tls = ssl.create_default_context(cafile=settings.issuer_ca) if settings.issuer_ca else None
    backchannel = Backchannel(address=settings.issuer_address, port=settings.issuer_port, tls=tls)
    issuer = Issuer(settings.issuer, backchannel=backchannel, monotonic=time.monotonic)
    secret = load(settings.data / "keys/client.key").hex()
    return RelyingParty(
        issuer, client_id=CLIENT_ID, client_secret=secret, seal=seal, spent=stores.ephemeral, clock=clock
    )


def _in_background(sign_out: Callable[[str], None]) -> Callable[[str], None]:
    """Have the issuer end a person's sign-ons, while nobody waits for that."""
    threads = ThreadPoolExecutor(2, "sign-out")

    def ask(sub: str) -> None:
        try:
            sign_out(sub)
        except IssuerAdministrationUnavailable:
            _log.exception("the issuer was not told of a sign-out")

    def begin(sub: str) -> None:
        threads.submit(ask, sub)

    return begin
