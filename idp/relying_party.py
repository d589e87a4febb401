"""One confidential client: begin a login and complete it (authorization code flow with PKCE, OIDC Core §3.1)."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qs, urlencode

from crypto.aead import Seal
from crypto.errors import SealInvalid
from idp.errors import LoginRejected, TokenInvalid, TokenKeyUnknown
from idp.issuer import Issuer
from idp.return_to import safe_return_to
from idp.token import LEEWAY, Claims, verify

CALLBACK_PATH = "/.citygate/callback"
FLOW_LIFETIME = timedelta(minutes=10)
FLOW_COOKIE = "__Host-citygate-flow-"
MAX_FLOWS = 8  # logins one browser may have begun at once; each is a cookie of at most 4 KiB
MAX_SPENT_STATES = 100_000
_MAX_QUERY_CHARS, _MAX_PARAMETERS = 8192, 20
_PURPOSE = "login flow"
_ASSURANCES = frozenset("2345")


class SpentStates(Protocol):
    """Remembers which logins were completed, for as long as one may last."""

    def spend(self, state: str) -> bool:
        """Whether this is the first time; False if it is not, or if nothing more can be remembered."""


class SpentStatesInMemory:
    """For one process; `monotonic` gives seconds that never jump."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._forget_at: dict[str, float] = {}  # oldest first
        self._lock = threading.Lock()

    def spend(self, state: str) -> bool:
        now = self._monotonic()
        with self._lock:
            while self._forget_at and (oldest := next(iter(self._forget_at))) and self._forget_at[oldest] <= now:
                del self._forget_at[oldest]
            if state in self._forget_at or len(self._forget_at) >= MAX_SPENT_STATES:
                return False
            self._forget_at[state] = now + FLOW_LIFETIME.total_seconds()
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Send the browser to `url`, set this cookie (Secure, HttpOnly, SameSite=Lax, Path=/), delete the stale ones."""

    url: str
    cookie_name: str
    cookie_value: str
    cookie_lifetime: timedelta
    stale_cookies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Who signed in, and where they were going; `id_token` is the hint for signing out."""

    iss: str
    sub: str
    sid: str
    name: str
    assurance: int
    auth_time: datetime
    id_token: str
    return_to: str
    cookie_name: str  # the flow's cookie, now useless


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flow:
    """What the browser keeps, sealed, between begin and complete."""

    state: str
    nonce: str
    verifier: str
    origin: str
    return_to: str
    acr: int
    fresh: bool
    begun_at: int  # seconds since the epoch


class RelyingParty:
    """Called from threads. `spent` is shared by every process that may see a callback."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        client_id: str,
        client_secret: str,
        seal: Seal,
        spent: SpentStates,
        clock: Callable[[], datetime],
    ) -> None:
        self._issuer, self._client_id, self._client_secret = issuer, client_id, client_secret
        self._seal, self._spent, self._clock = seal, spent, clock

    def begin(
        self,
        origin: str,
        return_to: str,
        *,
        acr: int | None = None,
        prompt: str = "",
        cookies: Mapping[str, str] | None = None,
    ) -> Begun:
        """Begin a login for `origin` ("http://host:port").

        `acr` is the least assurance the login must reach, `prompt` is "", "login" or "none". Given the browser's
        `cookies`, oldest first as it sends them, names those of flows too many. Raises IssuerUnavailable.
        """
        flow = _Flow(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            origin=origin,
            return_to=safe_return_to(return_to),
            acr=acr or 0,
            fresh=prompt == "login",
            begun_at=int(self._clock().timestamp()),
        )
        sealed = self._seal.seal(json.dumps(asdict(flow)).encode(), purpose=_PURPOSE)
        begun_before = [name for name in cookies or () if name.startswith(FLOW_COOKIE)]
        return Begun(
            url=f"{self._issuer.endpoints().authorization}?{urlencode(self._request(flow, prompt))}",
            cookie_name=_cookie_name(flow.state),
            cookie_value=base64.urlsafe_b64encode(sealed).decode(),
            cookie_lifetime=FLOW_LIFETIME,
            stale_cookies=tuple(begun_before[: 1 - MAX_FLOWS]),
        )

    def complete(self, origin: str, query: str, cookies: Mapping[str, str]) -> Completed:
        """Turn the callback's raw `query` into a verified login, or raise LoginRejected or IssuerUnavailable.

        1. no parameter stands twice; 2. this browser's cookie for that `state` opens, is younger than 10 minutes
        and says the same state; 3. it was begun at this origin; 4. `iss` is present and equal (RFC 9207 §2.4);
        5. the state is spent for the first time; 6. no error, one `code`; 7. the code is redeemed with the verifier
        and this origin's redirect URI; 8. the ID token passes its own checks with this flow's nonce; 9. what was
        asked was reached: assurance, and a fresh sign-in.
        """
        flow, code = self._accept(origin, _parameters(query), cookies)
        try:
            id_token = self._redeem(flow, code)  # 7
            claims = self._verify(id_token, flow.nonce)  # 8
        except (LoginRejected, TokenInvalid) as failure:
            raise LoginRejected(str(failure), return_to=flow.return_to) from failure
        assurance = int(claims.acr) if claims.acr in _ASSURANCES else 0
        if assurance < flow.acr:  # 9
            raise LoginRejected("assurance below what was asked", return_to=flow.return_to)
        if flow.fresh and claims.auth_time.timestamp() < flow.begun_at - LEEWAY.total_seconds():
            raise LoginRejected("no fresh sign-in", return_to=flow.return_to)
        return Completed(
            iss=claims.iss,
            sub=claims.sub,
            sid=claims.sid,
            name=claims.name,
            assurance=assurance,
            auth_time=claims.auth_time,
            id_token=id_token,
            return_to=flow.return_to,
            cookie_name=_cookie_name(flow.state),
        )

    def logout_url(self, id_token: str, post_logout_redirect_uri: str) -> str:
        """Where the browser ends its session at the issuer (RP-Initiated Logout §2). Raises IssuerUnavailable."""
        request = {
            "id_token_hint": id_token,
            "client_id": self._client_id,
            "post_logout_redirect_uri": post_logout_redirect_uri,
        }
        return f"{self._issuer.endpoints().end_session}?{urlencode(request)}"

    def _request(self, flow: _Flow, prompt: str) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=")
        request = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": flow.origin + CALLBACK_PATH,
            "scope": "openid",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        if flow.acr:
            request["acr_values"] = str(flow.acr)
        if prompt:
            request["prompt"] = prompt
        return request

    def _accept(self, origin: str, answer: Mapping[str, str], cookies: Mapping[str, str]) -> tuple[_Flow, str]:
        flow = self._open(answer.get("state", ""), cookies)  # 2
        if flow.origin != origin:  # 3
            raise LoginRejected("login begun at another origin")
        if answer.get("iss") != self._issuer.url:  # 4
            raise LoginRejected("answer of another issuer", return_to=flow.return_to)
        if not self._spent.spend(flow.state):  # 5
            raise LoginRejected("login already completed", return_to=flow.return_to)
        code = answer.get("code")
        if "error" in answer or not code:  # 6
            raise LoginRejected("the issuer signed nobody in", return_to=flow.return_to)
        return flow, code

    def _open(self, state: str, cookies: Mapping[str, str]) -> _Flow:
        sealed = cookies.get(_cookie_name(state), "")
        try:
            flow = _Flow(**json.loads(self._seal.open(base64.urlsafe_b64decode(sealed), purpose=_PURPOSE)))
        except (SealInvalid, ValueError, TypeError):
            raise LoginRejected("this browser began no such login") from None
        if not secrets.compare_digest(flow.state.encode(), state.encode()):
            raise LoginRejected("this browser began no such login")
        age = self._clock() - datetime.fromtimestamp(flow.begun_at, UTC)
        if not -LEEWAY <= age <= FLOW_LIFETIME:
            raise LoginRejected("login took too long", return_to=flow.return_to)
        return flow

    def _redeem(self, flow: _Flow, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": flow.origin + CALLBACK_PATH,
            "code_verifier": flow.verifier,
        }
        answer = self._issuer.redeem(form, client_id=self._client_id, client_secret=self._client_secret)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise LoginRejected("answer without an ID token")
        return id_token

    def _verify(self, id_token: str, nonce: str) -> Claims:
        def attempt(kid: str = "") -> Claims:
            return verify(
                id_token,
                keys=self._issuer.keys(kid=kid),
                issuer=self._issuer.url,
                audience=self._client_id,
                nonce=nonce,
                now=self._clock(),
            )

        try:
            return attempt()
        except TokenKeyUnknown as unknown:
            return attempt(kid=unknown.kid)


def _cookie_name(state: str) -> str:
    return FLOW_COOKIE + state[:8]


def _parameters(query: str) -> dict[str, str]:  # 1
    try:
        if len(query) > _MAX_QUERY_CHARS:
            raise ValueError
        values = parse_qs(query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
        if any(len(value) > 1 for value in values.values()):
            raise ValueError
    except ValueError:
        raise LoginRejected("answer with more than one reading") from None
    return {name: value for name, (value,) in values.items()}
