"""Matched → Authenticated: the credential a request brings, looked up where it was issued.

A browser brings this host's cookie, a command an access key, an app its signature, never two of them. A cookie that
is well formed but no longer known makes nobody of its bearer, which earns no more than bringing none; anything
malformed is refused.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from cachebox import TTLCache

from gateway.batched_lookup import BatchedLookup
from gateway.errors import CsrfRefused
from gateway.signed_request import SignedRequests
from gateway.stages import Authenticated, Inbound, Matched
from idp import access_key, app_key, session
from idp.access_key import AccessKeys, KeyHolder
from idp.errors import CredentialRejected, SessionUnknown
from idp.identity import NOBODY, Identity
from idp.session import Session, Sessions
from idp.session_rows import ABSOLUTE
from storage.errors import StorageUnavailable

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
VERIFIED_SECONDS = 600  # how long a session that was found may stand in for one that cannot be looked up
LOOK_UPS, WAITING = 16, 512  # threads for what is not looked up together; and all who wait, for those too
LOOK_UP_SECONDS = 2.0
AWAY_SECONDS = 5.0  # after a look-up that did not end well, what can stand in does so without another
_CACHED_SECONDS = 10  # a revocation does not wait for this: it comes with the epoch
_KEYS_CACHED_SECONDS = 4  # no epoch tells of a key that ended
_CACHED_ENTRIES = 100_000
T = TypeVar("T")


class _TooLate(StorageUnavailable):
    """It is not the database that keeps us waiting: whether this sign-in still counts must be asked."""


class Credentials:
    """Sessions and keys as this process knows them: looked up in threads, sessions many at a time, kept for a moment.

    While the database is away a session that was found within the last ten minutes is still the same one; what it may
    then do the lease decides, which is gone within a second.
    """

    def __init__(
        self,
        sessions: Sessions,
        keys: AccessKeys,
        signed: SignedRequests | None = None,
        *,
        clock: Callable[[], datetime],
        leased: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`leased` says whether the database answered within the last second; without `signed` no app is known."""
        self.signed = signed
        self._leased = leased
        self._sessions, self._keys, self._clock, self._monotonic = sessions, keys, clock, monotonic
        self._known: TTLCache[bytes, Session] = TTLCache(_CACHED_ENTRIES, _CACHED_SECONDS)
        self._holders: TTLCache[bytes, KeyHolder] = TTLCache(_CACHED_ENTRIES, _KEYS_CACHED_SECONDS)
        self._verified: TTLCache[bytes, Session] = TTLCache(_CACHED_ENTRIES, VERIFIED_SECONDS)
        self._used: set[str] = set()
        self._lookup = BatchedLookup(sessions.look_up, "sessions")
        self._threads = ThreadPoolExecutor(LOOK_UPS, "credentials")  # who waits here, for an issuer, delays no look-up
        self._waiting = 0
        self._away_until = float("-inf")

    async def session(self, digest: bytes, record: str) -> Session:
        """The live session behind a cookie's digest; one that ends because it is looked up ends under `record`.

        Raises SessionUnknown, StorageUnavailable, EphemeralUnavailable, IssuerUnavailable.
        """
        found = self._known.get(digest)
        if found is None:
            found = await self._found(digest, record)
        if not self._sessions.is_alive(found, self._clock()):
            raise SessionUnknown
        self._used.add(found.id)
        return found

    async def key(self, digest: bytes) -> KeyHolder:
        """Whom an access key's digest speaks for. Raises CredentialRejected, StorageUnavailable."""
        found = self._holders.get(digest)
        if found is None:
            found = await self._look_up(partial(self._in_thread, partial(self._keys.find, digest)))
            self._holders[digest] = found
        if self._clock() >= found.expires_at:
            raise CredentialRejected
        return found

    def forget(self, cookie: str) -> None:
        """This cookie was replaced: its next bearer is looked up again. Raises CredentialRejected."""
        for kept in (self._known, self._verified):
            kept.pop(session.digest(cookie), None)

    def flush(self) -> None:
        """Write down which sessions were used since the last call. Called in a thread; raises StorageUnavailable."""
        used, self._used = self._used, set()
        try:
            if used:
                self._sessions.touch(used)
        except StorageUnavailable:
            self._used.update(used)
            raise

    async def _found(self, digest: bytes, record: str) -> Session:
        verified = self._verified.get(digest)
        if verified is not None and self._monotonic() < self._away_until:
            return verified
        try:
            found = await self._look_up(partial(self._live, digest, record))
        except StorageUnavailable as failure:
            if verified is None or isinstance(failure, _TooLate):
                raise
            return verified
        except SessionUnknown:
            self._verified.pop(digest, None)
            raise
        self._known[digest] = self._verified[digest] = found
        return found

    async def _live(self, digest: bytes, record: str) -> Session:
        found = await self._lookup.look_up(digest)
        if found is None:
            raise SessionUnknown
        if self._sessions.is_due(found):
            await self._in_thread(partial(self._sessions.check, found, record=record))
        return found

    def _in_thread(self, call: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _look_up(self, find: Callable[[], Awaitable[T]]) -> T:
        """What `find` finds within the deadline."""
        if self._waiting >= WAITING:
            raise StorageUnavailable("too many look-ups wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await find()
        except (StorageUnavailable, TimeoutError) as failure:
            if isinstance(failure, TimeoutError) and self._leased():
                raise _TooLate("somebody else than the database does not answer in time") from failure
            self._away_until = self._monotonic() + AWAY_SECONDS
            raise StorageUnavailable("the look-up did not end well, or in time") from failure
        finally:
            self._waiting -= 1


async def authenticate(matched: Matched, credentials: Credentials) -> Authenticated:
    """Say who is calling. Raises CredentialRejected, CsrfRefused."""
    inbound = matched.inbound
    cookie, authorization = cookie_of(inbound), inbound.header(b"authorization")
    if cookie and authorization:
        raise CredentialRejected
    if authorization:
        return Authenticated(matched=matched, identity=await _keyed(inbound, authorization, credentials))
    if not cookie:
        return Authenticated(matched=matched, identity=NOBODY)
    _check_same_origin(inbound)
    return Authenticated(matched=matched, identity=await _browser(inbound, cookie, credentials))


def cookie_of(inbound: Inbound) -> str:
    """The value of this host's session cookie, or "". Raises CredentialRejected when it is there twice."""
    pairs = (part.strip().partition("=") for part in (inbound.header(b"cookie") or "").split(";"))
    values = [value for name, _, value in pairs if name == session.COOKIE]
    if len(values) > 1:
        raise CredentialRejected
    return values[0] if values else ""


async def _browser(inbound: Inbound, cookie: str, credentials: Credentials) -> Identity:
    try:
        found = await credentials.session(session.digest(cookie), inbound.id)
    except SessionUnknown:
        return NOBODY
    if found.host != inbound.host:
        raise CredentialRejected
    return Identity(
        subject=found.person,
        assurance=found.assurance,
        session=found.id,
        name=found.name,
        department=found.department or "",
        csrf=found.csrf,
        until=found.started_at + ABSOLUTE,
    )


async def _keyed(inbound: Inbound, authorization: str, credentials: Credentials) -> Identity:
    scheme, _, key = authorization.partition(" ")
    if scheme == app_key.SCHEME and credentials.signed:
        return await credentials.signed.identity(inbound, authorization)
    if scheme.lower() != "bearer":
        raise CredentialRejected
    holder = await credentials.key(access_key.digest(key))
    return Identity(
        subject=holder.subject,
        assurance=holder.assurance,
        name=holder.name,
        department=holder.department or "",
        until=holder.expires_at,
    )


def _check_same_origin(inbound: Inbound) -> None:
    """What carries a cookie and is unsafe, or opens a WebSocket, comes from a page of the same origin (ASVS 3.5.1)."""
    if inbound.method in SAFE_METHODS and not inbound.websocket:
        return
    origin, site = inbound.header(b"origin"), inbound.header(b"sec-fetch-site")
    if (origin is not None and origin != inbound.origin) or site not in (None, "same-origin", "none"):
        raise CsrfRefused
