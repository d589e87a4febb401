"""Matched → Authenticated: the credential a request brings, looked up where it was issued.

A browser brings this host's cookie, a command an access key, never both. A cookie that is well formed but no longer
known makes nobody of its bearer, which earns no more than bringing none; anything malformed is refused.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from cachebox import TTLCache

from gateway.errors import CsrfRefused
from gateway.stages import Authenticated, Inbound, Matched
from idp import access_key, session
from idp.access_key import AccessKeys, KeyHolder
from idp.errors import CredentialRejected, SessionUnknown
from idp.identity import NOBODY, Identity
from idp.session import Session, Sessions

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CACHED_SECONDS = 10  # a revocation does not wait for this: it comes with the epoch
_CACHED_ENTRIES = 100_000


class Credentials:
    """Sessions and keys as this process knows them: looked up in threads, kept for a moment."""

    def __init__(self, sessions: Sessions, keys: AccessKeys, *, clock: Callable[[], datetime]) -> None:
        self._sessions, self._keys, self._clock = sessions, keys, clock
        self._known: TTLCache[bytes, Session | KeyHolder] = TTLCache(_CACHED_ENTRIES, _CACHED_SECONDS)
        self._used: set[str] = set()

    async def session(self, digest: bytes) -> Session:
        """The live session behind a cookie's digest. Raises SessionUnknown."""
        found = self._known.get(digest)
        if not isinstance(found, Session):
            found = await asyncio.to_thread(self._sessions.find, digest)
            self._known[digest] = found
        if not self._sessions.is_alive(found, self._clock()):
            raise SessionUnknown
        self._used.add(found.id)
        return found

    async def key(self, digest: bytes) -> KeyHolder:
        """Whom an access key's digest speaks for. Raises CredentialRejected."""
        found = self._known.get(digest)
        if not isinstance(found, KeyHolder):
            found = await asyncio.to_thread(self._keys.find, digest)
            self._known[digest] = found
        if self._clock() >= found.expires_at:
            raise CredentialRejected
        return found

    def forget(self, cookie: str) -> None:
        """This cookie was replaced: its next bearer is looked up again. Raises CredentialRejected."""
        self._known.pop(session.digest(cookie), None)

    def flush(self) -> None:
        """Write down which sessions were used since the last call."""
        used, self._used = self._used, set()
        if used:
            self._sessions.touch(used)


async def authenticate(matched: Matched, credentials: Credentials) -> Authenticated:
    """Say who is calling. Raises CredentialRejected, CsrfRefused."""
    inbound = matched.inbound
    cookie, authorization = cookie_of(inbound), inbound.header(b"authorization")
    if cookie and authorization:
        raise CredentialRejected
    if authorization:
        return Authenticated(matched=matched, identity=await _bearer(authorization, credentials))
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
        found = await credentials.session(session.digest(cookie))
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
    )


async def _bearer(authorization: str, credentials: Credentials) -> Identity:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise CredentialRejected
    holder = await credentials.key(access_key.digest(key))
    return Identity(
        subject=holder.subject, assurance=holder.assurance, name=holder.name, department=holder.department or ""
    )


def _check_same_origin(inbound: Inbound) -> None:
    """What carries a cookie and is unsafe, or opens a WebSocket, comes from a page of the same origin (ASVS 3.5.1)."""
    if inbound.method in SAFE_METHODS and not inbound.websocket:
        return
    origin, site = inbound.header(b"origin"), inbound.header(b"sec-fetch-site")
    if (origin is not None and origin != inbound.origin) or site not in (None, "same-origin", "none"):
        raise CsrfRefused
