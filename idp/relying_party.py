"""One confidential client: begin a login and complete it (authorization code flow with PKCE, OIDC Core §3.1)."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

from crypto.aead import Sealer
from idp.errors import LoginRejected, LogoutRejected, TokenInvalid, TokenKeyUnknown
from idp.flow import FLOW_COOKIE, FLOW_LIFETIME, LoginFlow, open_login_flow
from idp.issuer import Issuer
from idp.jws import LEEWAY
from idp.logout_token import REMEMBERED, LoggedOut, verify_logout_token
from idp.return_to import safe_return_to
from idp.token import verify, verify_renewed
from storage.ephemeral import Ephemeral

CALLBACK_PATH = "/.citygate/callback"
MAX_FLOWS = 8  # logins one browser may have begun at once; each is a cookie of at most 4 KiB
_MAX_QUERY_CHARS, _MAX_PARAMETERS = 8192, 20
_ASSURANCES = frozenset("2345")
T = TypeVar("T")


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
    """Who signed in, and where they were going.

    `id_token` is the hint for signing out, `refresh_token` what `RelyingParty.refresh` takes; "" for none.
    """

    iss: str
    sub: str
    sid: str
    name: str
    assurance: int
    auth_time: datetime
    id_token: str
    return_to: str
    cookie_name: str  # the flow's cookie, now useless
    refresh_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renewable:
    """A refresh token, and the login whose next ones it brings."""

    token: str
    sub: str
    sid: str
    nonce: str


class RelyingParty:
    """Called from threads. `spent` is shared by every process that may see a callback."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        client_id: str,
        client_secret: str,
        seal: Sealer,
        spent: Ephemeral,
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
        flow = LoginFlow(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            origin=origin,
            return_to=safe_return_to(return_to),
            acr=acr or 0,
            fresh=prompt == "login",
            begun_at=int(self._clock().timestamp()),
        )
        begun_before = [name for name in cookies or () if name.startswith(FLOW_COOKIE)]
        return Begun(
            url=f"{self._issuer.endpoints().authorization}?{urlencode(self._request(flow, prompt))}",
            cookie_name=flow.cookie_name,
            cookie_value=flow.seal_for_cookie(self._seal),
            cookie_lifetime=FLOW_LIFETIME,
            stale_cookies=tuple(begun_before[: 1 - MAX_FLOWS]),
        )

    def complete(self, origin: str, query: str, cookies: Mapping[str, str]) -> Completed:
        """Turn the callback's raw `query` into a verified login, or raise LoginRejected or IssuerUnavailable.

        1. no parameter stands twice; 2. this browser's cookie for that `state` opens, is younger than 10 minutes
        and says the same state; 3. it was begun at this origin; 4. `iss` is present and equal (RFC 9207 §2.4);
        5. the state is spent for the first time; 6. no error, one `code`; 7. the code is redeemed with the verifier
        and this origin's redirect URI; 8. the ID token passes its own checks with this flow's nonce; 9. what was
        asked was reached: assurance, and a fresh sign-in. Raises EphemeralUnavailable where 5 cannot be known.
        """
        flow, code = self._accept(origin, _parameters(query), cookies)
        try:
            id_token, refresh_token = self._redeem(flow, code)  # 7
            claims = self._checked(partial(verify, id_token, nonce=flow.nonce))  # 8
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
            cookie_name=flow.cookie_name,
            refresh_token=_renewable(refresh_token, sub=claims.sub, sid=claims.sid, nonce=flow.nonce),
        )

    def refresh(self, refresh_token: str) -> str:
        """Ask whether a login still counts, with its `refresh_token`; returns the one for the next time.

        An ID token that comes with the answer is of the same login. Raises LoginRejected, IssuerUnavailable.
        """
        login = _Renewable(**json.loads(refresh_token))
        answer = self._issuer.refresh(login.token, client_id=self._client_id, client_secret=self._client_secret)
        id_token, token = answer.get("id_token"), answer.get("refresh_token", login.token)
        try:
            if id_token is not None:
                self._checked(partial(verify_renewed, str(id_token), sub=login.sub, sid=login.sid, nonce=login.nonce))
        except TokenInvalid as failure:
            raise LoginRejected(str(failure)) from failure
        token = token if isinstance(token, str) else login.token
        return _renewable(token, sub=login.sub, sid=login.sid, nonce=login.nonce)

    def logged_out(self, token: str) -> LoggedOut:
        """Whom the issuer's logout token signs out, the first time it comes.

        Raises LogoutRejected, IssuerUnavailable where its keys cannot be had, and EphemeralUnavailable or
        StorageUnavailable where nobody knows whether it came before.
        """
        try:
            said = self._checked(partial(verify_logout_token, token))
        except TokenInvalid as failure:
            raise LogoutRejected(str(failure)) from failure
        if not self._spent.claim(_spent("logout", said.jti), seconds=int(REMEMBERED.total_seconds())):
            raise LogoutRejected("used before")
        return said

    def logout_url(self, id_token: str, post_logout_redirect_uri: str) -> str:
        """Where the browser ends its session at the issuer (RP-Initiated Logout §2). Raises IssuerUnavailable."""
        request = {
            "id_token_hint": id_token,
            "client_id": self._client_id,
            "post_logout_redirect_uri": post_logout_redirect_uri,
        }
        return f"{self._issuer.endpoints().end_session}?{urlencode(request)}"

    def _request(self, flow: LoginFlow, prompt: str) -> dict[str, str]:
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

    def _accept(self, origin: str, answer: Mapping[str, str], cookies: Mapping[str, str]) -> tuple[LoginFlow, str]:
        flow = open_login_flow(answer.get("state", ""), cookies, self._seal, self._clock())  # 2
        if flow.origin != origin:  # 3
            raise LoginRejected("login begun at another origin")
        if answer.get("iss") != self._issuer.url:  # 4
            raise LoginRejected("answer of another issuer", return_to=flow.return_to)
        if not self._spent.claim(_spent("state", flow.state), seconds=int(FLOW_LIFETIME.total_seconds())):  # 5
            raise LoginRejected("login already completed", return_to=flow.return_to)
        code = answer.get("code")
        if "error" in answer or not code:  # 6
            raise LoginRejected("the issuer signed nobody in", return_to=flow.return_to)
        return flow, code

    def _redeem(self, flow: LoginFlow, code: str) -> tuple[str, str]:
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
        refresh_token = answer.get("refresh_token")
        return id_token, refresh_token if isinstance(refresh_token, str) else ""

    def _checked(self, check: Callable[..., T]) -> T:
        """What `check` says for this client, with the issuer's keys; asked for again when it names a new one."""
        ours = {"issuer": self._issuer.url, "audience": self._client_id, "now": self._clock()}
        try:
            return check(keys=self._issuer.keys(), **ours)
        except TokenKeyUnknown as unknown:
            return check(keys=self._issuer.keys(kid=unknown.kid), **ours)


def _spent(kind: str, once: str) -> str:
    return f"{kind}:{hashlib.sha256(once.encode()).hexdigest()}"


def _renewable(token: str, *, sub: str, sid: str, nonce: str) -> str:
    return json.dumps(asdict(_Renewable(token=token, sub=sub, sid=sid, nonce=nonce))) if token else ""


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
