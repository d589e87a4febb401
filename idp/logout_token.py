"""Verify a logout token: the issuer says, unasked, that a sign-on is over (OIDC Back-Channel Logout 1.0 §2.4, §2.6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.errors import TokenClaimsWrong, TokenTimeWrong
from idp.jws import LEEWAY, Members, PinnedKeys, instant, text, verify_token

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_LIFETIME = timedelta(minutes=10)  # §4 recommends two; so long a used one has to be remembered
REMEMBERED = MAX_LIFETIME + 2 * LEEWAY


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """Whose sign-on is over: `sid`'s, or where that is "", every one of `sub`."""

    iss: str
    sub: str
    sid: str
    jti: str


def verify_logout_token(token: str, *, keys: PinnedKeys, issuer: str, audience: str, now: datetime) -> LoggedOut:
    """Return whom `token` signs out, or raise the TokenInvalid leaf of the first check it fails.

    1 to 10 as in `idp.jws.verify_token`, where `typ` is "logout+jwt"; 11. it lives for at most ten minutes; 12.
    `events` names the back-channel logout, with an object; 13. there is no `nonce`, which only ID tokens have; 14.
    `sub` or `sid`, and `jti`, each with its type. That it was not used before is its reader's to know.
    """
    claims = verify_token(token, kind=_is_logout_token, keys=keys, issuer=issuer, audience=audience, now=now)  # 1 to 10
    if instant(claims, "exp") - instant(claims, "iat") > MAX_LIFETIME:  # 11
        raise TokenTimeWrong("lives too long")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):  # 12
        raise TokenClaimsWrong("not the event of a logout")
    if "nonce" in claims:  # 13
        raise TokenClaimsWrong("a nonce in a logout token")
    sub, sid = (text(claims, name) if name in claims else "" for name in ("sub", "sid"))
    if not sub and not sid:  # 14
        raise TokenClaimsWrong("neither `sub` nor `sid`")
    return LoggedOut(iss=issuer, sub=sub, sid=sid, jti=text(claims, "jti"))


def _is_logout_token(header: Members, claims: Members) -> bool:
    return (header.get("typ"), claims.get("typ", "Logout")) == ("logout+jwt", "Logout")
