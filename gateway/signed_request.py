"""Requests that an app signed: by which key, that they are fresh, that each counts once.

The order matters: nothing is written before the signature is right, and nothing that was written is believed of an app
that ended meanwhile. Every reason to refuse has the one answer of a credential that proves nobody; a memory of used
nonces that does not answer, or that began after the request may have been used, is 503, for then it could count twice.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from cachebox import TTLCache

from audit.flood import prefix_of
from gateway.stages import Inbound, Listener
from idp.app_key import (
    CLOCKS_SECONDS,
    EARLY_SECONDS,
    NO_BODY,
    SPENT_SECONDS,
    WINDOW_SECONDS,
    AppHolder,
    AppKeys,
    Claim,
    SignedParts,
    is_digest,
    parse,
    signature_of,
)
from idp.errors import CredentialRejected
from idp.identity import Identity
from storage.ephemeral import Ephemeral
from storage.errors import StorageUnavailable

ASSURANCE = 3  # a secret of 256 bits that proves itself anew with each request
_CACHED_SECONDS, _CACHED_ENTRIES = 4, 10_000
_PROVEN_SECONDS = 3600  # as long a key that signed rightly does not wait among keys that never did
_SECONDS = 2.0
_TRIES = 5
_READS = frozenset({"GET", "HEAD"})
T = TypeVar("T")


class _Room:
    """Threads, and who waits for them: so many, and of one network so many."""

    def __init__(self, name: str, *, threads: int, waiting: int, of_one: int) -> None:
        self._threads, self._waiting, self._of_one = ThreadPoolExecutor(threads, name), waiting, of_one
        self._held: Counter[str] = Counter()

    async def run(self, call: Callable[[], T], network: str = "") -> T:
        """What `call` says within the deadline. Raises StorageUnavailable, and what `call` does."""
        if self._held.total() >= self._waiting or self._held[network] >= self._of_one:
            raise StorageUnavailable("too many signed requests wait")
        self._held[network] += 1
        try:
            async with asyncio.timeout(_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError as late:
            raise StorageUnavailable("what is known of apps was not told in time") from late
        finally:
            self._held[network] -= 1
            if not self._held[network]:
                del self._held[network]


class SignedRequests:
    """The apps as this process knows them, and the nonces that all processes know."""

    def __init__(
        self,
        apps: AppKeys,
        spent: Ephemeral,
        clock: Callable[[], datetime],
        check_rate: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`check_rate(subject)` raises for who has asked too often already: such a one leaves no nonce behind."""
        self._apps, self._spent, self._clock, self._check_rate = apps, spent, clock, check_rate
        self._known: TTLCache[str, tuple[int, AppHolder]] = TTLCache(_CACHED_ENTRIES, _CACHED_SECONDS)
        self._changes = 0
        self._looking: dict[tuple[int, str], asyncio.Task[AppHolder]] = {}
        self._proven: TTLCache[str, bool] = TTLCache(_CACHED_ENTRIES, _PROVEN_SECONDS)
        self._room = _Room("apps", threads=8, waiting=256, of_one=256)
        self._strangers = _Room("unknown-apps", threads=2, waiting=128, of_one=16)

    async def identity(self, inbound: Inbound, authorization: str) -> Identity:
        """Who signed this request.

        Raises CredentialRejected, RateExceeded, StorageUnavailable, EphemeralUnavailable, SealInvalid.
        """
        claim, parts = parse(authorization), _signed_parts(inbound)
        if abs(int(self._clock().timestamp()) - claim.time) > WINDOW_SECONDS:
            raise CredentialRejected
        network = prefix_of(inbound.address)
        changes, app = self._changes, await self._find(claim.key, network)
        self._check(app, claim, parts)
        self._proven[claim.key] = True
        self._check_rate(app.subject)
        nonce = f"nonce:{claim.key}:{claim.nonce}"
        since = max(claim.time - EARLY_SECONDS, app.created_at.timestamp() - CLOCKS_SECONDS)  # used no earlier
        if not await self._room.run(partial(self._spent.claim, nonce, seconds=SPENT_SECONDS, since=since)):
            raise CredentialRejected
        for _ in range(_TRIES):
            if changes == self._changes:  # from here to the decision nobody is awaited
                return Identity(subject=app.subject, assurance=ASSURANCE, name=app.name, until=app.expires_at)
            changes, app = self._changes, await self._find(claim.key, network)
        raise StorageUnavailable("apps change faster than they can be looked up")

    def forget(self) -> None:
        """Something changed: every app is looked up again before it is believed. From any thread."""
        self._changes += 1

    def _check(self, app: AppHolder, claim: Claim, parts: SignedParts) -> None:
        meant = signature_of(app.secret, claim, parts)
        if not hmac.compare_digest(meant, claim.signature) or self._clock() >= app.expires_at:
            raise CredentialRejected

    async def _find(self, key: str, network: str) -> AppHolder:
        changes = self._changes
        if (known := self._known.get(key)) is not None and known[0] == changes:
            return known[1]
        found = await asyncio.shield(self._looked_up(changes, key, network))  # who goes away takes no answer along
        self._known[key] = changes, found  # as it was before any change that came meanwhile
        return found

    def _looked_up(self, changes: int, key: str, network: str) -> asyncio.Task[AppHolder]:
        """One look-up for all who ask at once: a busy app takes no more room than any other."""
        if (looking := self._looking.get((changes, key))) is None:
            room = self._room if key in self._proven else self._strangers
            looking = asyncio.create_task(room.run(partial(self._apps.find, key), network))
            self._looking[changes, key] = looking

            def over(done: asyncio.Task[AppHolder]) -> None:
                del self._looking[changes, key]
                _ = done.cancelled() or done.exception()  # also where nobody waits for it any more

            looking.add_done_callback(over)
        return looking


def _signed_parts(inbound: Inbound) -> SignedParts:
    """What must have been signed. Raises CredentialRejected where a body could not be held to it.

    Frames of a WebSocket are signed by nobody, nor is a content coding, which would make another body of the same
    bytes. Behind forward-auth the data plane delivers the body, unseen by us, so only reads are taken there.
    """
    if inbound.header(b"content-encoding") is not None:
        raise CredentialRejected
    kind, digest = inbound.header(b"content-type") or "", _digest(inbound)
    return SignedParts(
        method=inbound.method, host=inbound.host, target=inbound.target, content_type=kind, digest=digest
    )


def _digest(inbound: Inbound) -> str:
    """See `_said`."""
    if inbound.websocket or (inbound.listener is Listener.GATE and inbound.method not in _READS):
        raise CredentialRejected
    told = inbound.header(b"content-digest") or NO_BODY
    length, coding = inbound.header(b"content-length"), inbound.header(b"transfer-encoding")
    if coding is None and length in (None, "0"):
        if told != NO_BODY:
            raise CredentialRejected
    elif not is_digest(told) or inbound.header(b"content-digest") is None:
        raise CredentialRejected
    return told
