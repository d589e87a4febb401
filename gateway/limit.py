"""Authenticated → Authenticated: nobody may ask faster than the door can serve everybody else.

A sliding window of two fixed minutes: the share of the minute before that is still within the last sixty seconds, and
this minute's. With several gateways each counts for itself and tells the others four times a second, so a burst passes
by at most what one gateway lets through in that time; what nobody could be told for two seconds is not let through.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from audit.flood import prefix_of
from gateway.errors import LimitsUnavailable, RateExceeded
from gateway.stages import Authenticated
from idp.identity import NOBODY
from storage.actions import Action
from storage.counts import Counts
from storage.errors import EphemeralUnavailable

SIGN_INS_PER_MINUTE = 120  # passwords from one network: each costs the issuer a hash of 64 MiB
# by action, whoever asks
PER_NETWORK: Mapping[str, int] = {Action.SIGN_IN: SIGN_INS_PER_MINUTE, Action.SIGN_ON_END: SIGN_INS_PER_MINUTE}
# what is taken back need not wait for the others' counts
ENDING: frozenset[str] = frozenset((Action.SESSION_END, Action.ROLE_REVOKE))
KEYS = 100_000  # counted apart in one minute; those that find no place are counted together
EXCHANGE_SECONDS, UNKNOWN_SECONDS = 0.25, 2.0
_RETRY_SECONDS = 10
_MINUTE = 60
_KEPT_SECONDS = 3 * _MINUTE
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Count:
    """Requests of one key in one minute: all gateways' as last told, and ours since."""

    told: int = 0
    added: int = 0


class Buckets:
    """Requests a minute: of one subject, and of all of nobody behind one network prefix. Not for several threads."""

    def __init__(
        self,
        *,
        subject_per_minute: int,
        anonymous_per_minute: int,
        clock: Callable[[], datetime],
        counts: Counts | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`counts` is what the gateways share, heard of by `exchange`; without it this is the only one."""
        self._subject, self._anonymous = subject_per_minute, anonymous_per_minute
        self._clock, self._counts, self._monotonic = clock, counts, monotonic
        self._minute = 0
        self._now: dict[str, _Count] = {}
        self._before: dict[str, _Count] = {}
        self._touched: set[str] = set()
        self._heard_at = float("-inf")

    def take(self, subject: str, address: str, action: str) -> None:
        """Count one request. Raises RateExceeded, LimitsUnavailable."""
        if self.trouble() and action not in ENDING:
            raise LimitsUnavailable("the shared counts are out of reach")
        network = prefix_of(address)
        if action in PER_NETWORK:
            self._take(action, network, PER_NETWORK[action])
        if subject == NOBODY.subject:
            self._take("nobody", network, self._anonymous)
        else:
            self._take("subject", subject, self._subject)

    def check(self, subject: str) -> None:
        """Whether this subject may ask once more; counts nothing. Raises RateExceeded."""
        part = 1 - self._turn() / _MINUTE
        if self._asked(f"subject {subject}", part) + 1 > self._subject:
            raise RateExceeded(retry_seconds=_RETRY_SECONDS)

    def trouble(self) -> str:
        """Why nothing is let through, or ""."""
        if self._counts and self._monotonic() - self._heard_at > UNKNOWN_SECONDS:
            return "shared counts out of reach"
        return ""

    async def exchange(self) -> None:
        """Tell the other gateways what was counted here, and learn from them, until cancelled."""
        pool, silent = ThreadPoolExecutor(1, "counts"), False
        try:
            while True:
                try:
                    await self._exchange(pool)
                    silent = False
                except EphemeralUnavailable as failure:
                    if not silent:
                        _log.error("%s", failure)
                    silent = True
                await asyncio.sleep(EXCHANGE_SECONDS)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    async def _exchange(self, pool: ThreadPoolExecutor) -> None:
        if self._counts is None:
            return
        self._turn()
        asked_at, touched = self._monotonic(), self._touched
        self._touched = set()
        minutes = {self._minute: self._now, self._minute - 1: self._before}
        counts = {
            f"limit:{minute}:{key}": counted.setdefault(key, _Count())
            for minute, counted in minutes.items()
            for key in touched
        }
        ours = {name: count.added for name, count in counts.items()}
        try:
            ask = partial(self._counts.add, ours, seconds=_KEPT_SECONDS)
            totals: Mapping[str, int] = await asyncio.get_running_loop().run_in_executor(pool, ask)
        except BaseException:
            self._touched |= touched
            raise
        for name, count in counts.items():
            count.told, count.added = totals[name], count.added - ours[name]
        self._heard_at = asked_at

    def _take(self, kind: str, who: str, most: int) -> None:
        part = 1 - self._turn() / _MINUTE
        key = f"{kind} {who}"
        if key not in self._now and len(self._now) >= KEYS:
            key = f"{kind} others"
        if self._asked(key, part) + 1 > most:
            raise RateExceeded(retry_seconds=_RETRY_SECONDS)
        self._now.setdefault(key, _Count()).added += 1
        if self._counts:
            self._touched.add(key)

    def _asked(self, key: str, part: float) -> float:
        """How often within the last sixty seconds."""
        now, before = self._now.get(key, _NONE), self._before.get(key, _NONE)
        return (before.told + before.added) * part + now.told + now.added

    def _turn(self) -> float:
        """Begin a new minute where it is one; the seconds since it began."""
        minute, seconds = divmod(self._clock().timestamp(), _MINUTE)
        if minute != self._minute:
            self._before = self._now if minute == self._minute + 1 else {}
            self._minute, self._now = int(minute), {}
        return seconds


_NONE = _Count()


async def limit(authenticated: Authenticated, buckets: Buckets) -> Authenticated:
    """Let it pass. Raises RateExceeded, LimitsUnavailable."""
    matched = authenticated.matched
    buckets.take(authenticated.identity.subject, matched.inbound.address, matched.action)
    return authenticated
