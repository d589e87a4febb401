"""What a form carries to prove that its page was ours: sealed, for this browser, destination and session."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from crypto.aead import Seal
from crypto.errors import SealInvalid
from issuer.errors import PageExpired

LIFETIME = timedelta(minutes=10)
_PURPOSE = "sign-in page"


class PageTickets:
    """Issues and checks the `csrf` field of the sign-in forms."""

    def __init__(self, seal: Seal, clock: Callable[[], datetime]) -> None:
        self._seal, self._clock = seal, clock

    def issue(self, *, browser: str, destination: str, sid: str) -> str:
        """A ticket for one page on the way to `destination`; `sid` is the session it continues, "" for none."""
        bound = [_binding(browser, destination, sid), self._clock().timestamp()]
        return base64.urlsafe_b64encode(self._seal.seal(json.dumps(bound).encode(), purpose=_PURPOSE)).decode()

    def check(self, ticket: str, *, browser: str, destination: str, sid: str) -> None:
        """Raise PageExpired unless `ticket` was issued for just this, in the last 10 minutes."""
        try:
            binding, issued = json.loads(self._seal.open(base64.urlsafe_b64decode(ticket), purpose=_PURPOSE))
        except (SealInvalid, ValueError):
            raise PageExpired("no ticket of ours") from None
        age = self._clock().timestamp() - issued
        is_ours = secrets.compare_digest(binding, _binding(browser, destination, sid))
        if not browser or not is_ours or age > LIFETIME.total_seconds():
            raise PageExpired("ticket of another page, or too old")


def _binding(browser: str, destination: str, sid: str) -> str:
    return hashlib.sha256(json.dumps([browser, destination, sid]).encode()).hexdigest()
