"""What a browser keeps of a login between its begin and its end: sealed, in a cookie of its own, for ten minutes."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from crypto.aead import Sealer
from crypto.errors import SealInvalid
from idp.errors import LoginRejected
from idp.jws import LEEWAY

FLOW_LIFETIME = timedelta(minutes=10)
FLOW_COOKIE = "__Host-citygate-flow-"
_PURPOSE = "login flow"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFlow:
    """One login under way."""

    state: str
    nonce: str
    verifier: str
    origin: str
    return_to: str
    acr: int
    fresh: bool
    begun_at: int  # seconds since the epoch

    @property
    def cookie_name(self) -> str:
        return _cookie_name(self.state)

    def seal_for_cookie(self, seal: Sealer) -> str:
        """Return the cookie's value."""
        return base64.urlsafe_b64encode(seal.seal(json.dumps(asdict(self)).encode(), purpose=_PURPOSE)).decode()


def open_login_flow(state: str, cookies: Mapping[str, str], seal: Sealer, now: datetime) -> LoginFlow:
    """Return the login that this browser began under `state`. Raises LoginRejected."""
    sealed = cookies.get(_cookie_name(state), "")
    try:
        flow = LoginFlow(**json.loads(seal.open(base64.urlsafe_b64decode(sealed), purpose=_PURPOSE)))
    except (SealInvalid, ValueError, TypeError):
        raise LoginRejected("this browser began no such login") from None
    if not secrets.compare_digest(flow.state.encode(), state.encode()):
        raise LoginRejected("this browser began no such login")
    age = now - datetime.fromtimestamp(flow.begun_at, UTC)
    if not -LEEWAY <= age <= FLOW_LIFETIME:
        raise LoginRejected("login took too long", return_to=flow.return_to)
    return flow


def _cookie_name(state: str) -> str:
    return FLOW_COOKIE + state[:8]
