"""Keycloak as this city wants it: the plan that follows from its settings, and what is asked of its administration."""

import threading
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from city.settings import Settings
from console.signin.routes import BACKCHANNEL_LOGOUT_PATH
from crypto.local_keys import load
from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.admin import ASKING_SECONDS, MAKING_SECONDS, Admin
from idp.keycloak.apply import apply, drift
from idp.keycloak.changes import AccountChange, changed_since
from idp.keycloak.drift import Drift
from idp.keycloak.realm import REALM, WATCHER, Plan
from issuer.accounts import with_second_factor

ACCOUNT, ACCOUNT_REALM = "citygate-bootstrap", "master"  # whom Keycloak knows from its first start
_FACTORS = ("otp", "webauthn", "webauthn-passwordless")  # as Keycloak calls them
_LOOK_BACK = timedelta(minutes=10)  # on the first look: longer than the clock-job may be away unnoticed


class Provisioner(Protocol):
    """What the desks may ask of the issuer's administration. Called from threads."""

    def drift(self) -> Sequence[Drift]:
        """What is other there than it should be."""

    def apply(self) -> Sequence[Drift]:
        """Mend that, and say what it was."""

    def changes(self) -> Iterable[AccountChange]:
        """Who may no longer be signed in, by what was changed there since this was last gone through to its end."""

    def sign_out(self, sub: str) -> None:
        """End every sign-on of this person there."""

    def with_second_factor(self, subs: Collection[str]) -> Collection[str]:
        """Of these people, who has a second factor there."""


class NothingToProvision:
    """The local issuer: it is as it was started, and has no administration of its own. `accounts` is its file."""

    def __init__(self, accounts: Path) -> None:
        self._accounts = accounts

    def drift(self) -> Sequence[Drift]:
        """Nothing."""
        return ()

    def apply(self) -> Sequence[Drift]:
        """Nothing."""
        return ()

    def changes(self) -> Iterable[AccountChange]:
        """Nobody."""
        return ()

    def sign_out(self, sub: str) -> None:
        """Its sign-ons count the moment of a sign-out by themselves."""

    def with_second_factor(self, subs: Collection[str]) -> Collection[str]:
        """Read from its file, which is on this machine. Raises sqlite3.Error."""
        return with_second_factor(self._accounts) & set(subs)


class KeycloakProvisioner:
    """The administration of one Keycloak; a connection for each question, so it may be asked by several threads.

    Only who watches keeps hers, one thread at a time: she asks every few seconds, and a new one costs more than asking.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._looked = clock() - _LOOK_BACK
        self._watcher: Admin | None = None
        self._watching = threading.Lock()

    def drift(self) -> Sequence[Drift]:
        """Raises IssuerAdministrationUnavailable."""
        with administration(self._settings) as admin:
            return drift(admin, plan(self._settings))

    def apply(self) -> Sequence[Drift]:
        """Raises IssuerAdministrationUnavailable."""
        with administration(self._settings) as admin:
            return apply(admin, plan(self._settings))

    def changes(self) -> Iterable[AccountChange]:
        """Asked with rights to read, not to change. Raises IssuerAdministrationUnavailable.

        Whoever breaks off, because the city's own database is away, is told everything again.
        """
        now = self._clock()
        yield from self._changed_since(self._looked)
        self._looked = now

    def _changed_since(self, looked: datetime) -> Iterable[AccountChange]:
        with self._watching:
            if self._watcher is None:
                secret = load(self._settings.data / "keys/watcher.key").hex()
                self._watcher = _admin(self._settings, realm=REALM, client_id=WATCHER, secret=secret)
            try:
                return changed_since(self._watcher, looked)
            except IssuerAdministrationUnavailable:  # the next one asks for a token of its own
                self._watcher.close()
                self._watcher = None
                raise

    def sign_out(self, sub: str) -> None:
        """Raises IssuerAdministrationUnavailable."""
        with administration(self._settings, patience=ASKING_SECONDS) as admin:
            admin.post(f"{REALM}/users/{sub}/logout", {})

    def with_second_factor(self, subs: Collection[str]) -> Collection[str]:
        """Raises IssuerAdministrationUnavailable."""
        with administration(self._settings, patience=ASKING_SECONDS) as admin:
            held = {sub: admin.get(f"{REALM}/users/{sub}/credentials") or [] for sub in subs}
        return {sub for sub, credentials in held.items() if any(one.get("type") in _FACTORS for one in credentials)}


def provisioner(settings: Settings, *, clock: Callable[[], datetime]) -> Provisioner:
    """Whoever administers this city's issuer."""
    if settings.profile == "embedded":
        return NothingToProvision(settings.data / "issuer/accounts.db")
    return KeycloakProvisioner(settings, clock=clock)


def plan(settings: Settings) -> Plan:
    """The realm for this city's hosts, its secrets from the city's keys."""
    names = tomllib.loads(settings.routes.read_text())["names"] if settings.routes else {"console": {}}
    keys = settings.data / "keys"
    return Plan(
        origins=tuple(settings.origin(name) for name in names),
        logout_url=settings.origin("console") + BACKCHANNEL_LOGOUT_PATH,
        client_secret=load(keys / "client.key").hex(),
        watcher_secret=load(keys / "watcher.key").hex(),
    )


@contextmanager
def administration(settings: Settings, *, patience: float = MAKING_SECONDS) -> Iterator[Admin]:
    """Keycloak's administration with the right to change it, for the length of the block; `patience` in seconds."""
    secret = settings.provisioner_secret
    made = _admin(settings, realm=ACCOUNT_REALM, client_id=ACCOUNT, secret=secret, patience=patience)
    with closing(made) as admin:
        yield admin


def _admin(settings: Settings, *, realm: str, client_id: str, secret: str, patience: float = ASKING_SECONDS) -> Admin:
    scheme = "https" if settings.issuer_ca else "http"
    return Admin(
        f"{scheme}://{settings.issuer_address}:{settings.issuer_port}",
        account_realm=realm,
        client_id=client_id,
        client_secret=secret,
        ca=str(settings.issuer_ca or ""),
        timeout_seconds=patience,
    )
