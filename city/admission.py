"""Who may come in at all: limits, signed requests of apps, and the credentials that sessions and keys are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from city.people import People
from city.settings import Settings
from city.stores import Stores
from crypto.aead import Sealer
from gateway.authenticate import Credentials
from gateway.limit import Buckets
from gateway.signed_request import SignedRequests
from idp.app_key import AppKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """What is known of a caller before anybody knows who she is: how often she asks, and how an app signs."""

    buckets: Buckets
    signed: SignedRequests


def open_strangers(settings: Settings, stores: Stores, seal: Sealer, *, clock: Callable[[], datetime]) -> Strangers:
    """Count from nothing."""
    buckets = Buckets(
        subject_per_minute=settings.subject_per_minute,
        anonymous_per_minute=settings.anonymous_per_minute,
        clock=clock,
        counts=stores.counts,
    )
    apps = AppKeys(stores.database, seal, clock=clock)
    return Strangers(buckets=buckets, signed=SignedRequests(apps, stores.ephemeral, clock, buckets.check))


def open_credentials(
    people: People, signed: SignedRequests, *, leased: Callable[[], bool], clock: Callable[[], datetime]
) -> Credentials:
    """Whoever is found by a cookie, a key or a signature; `leased` says whether this process may still decide."""
    return Credentials(people.sessions, people.access_keys, signed, clock=clock, leased=leased)
