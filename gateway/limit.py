"""Authenticated → Authenticated: nobody may ask faster than the door can serve everybody else."""

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from audit.flood import prefix_of
from gateway.errors import RateExceeded
from gateway.stages import Authenticated
from idp.identity import NOBODY

_RETRY_SECONDS = 10
SIGN_INS_PER_MINUTE = 120  # passwords from one network: each costs the issuer a hash of 64 MiB


class Buckets:
    """Requests a minute: of one subject, and of all of nobody behind one network prefix."""

    def __init__(self, *, subject_per_minute: int, anonymous_per_minute: int) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._subject = RateLimitItemPerMinute(subject_per_minute)
        self._anonymous = RateLimitItemPerMinute(anonymous_per_minute)
        self._sign_in = RateLimitItemPerMinute(SIGN_INS_PER_MINUTE)

    def take(self, subject: str, address: str, action: str) -> None:
        """Count one request. Raises RateExceeded."""
        if action == "sign-in" and not self._limiter.hit(self._sign_in, "sign-in", prefix_of(address)):
            raise RateExceeded(retry_seconds=_RETRY_SECONDS)
        known = subject != NOBODY.subject
        item, key = (self._subject, subject) if known else (self._anonymous, prefix_of(address))
        if not self._limiter.hit(item, key):
            raise RateExceeded(retry_seconds=_RETRY_SECONDS)


async def limit(authenticated: Authenticated, buckets: Buckets) -> Authenticated:
    """Let it pass or raise RateExceeded. Awaitable, because a shared counter is across a network."""
    matched = authenticated.matched
    buckets.take(authenticated.identity.subject, matched.inbound.address, matched.action)
    return authenticated
