"""Verify an ID token: numbered checks, nothing else."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from idp.errors import TokenClaimsWrong, TokenNonceWrong
from idp.jws import ALGORITHMS, MAX_NAME_CHARS, Members, PinnedKeys, instant, text, verify_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified ID token says about one login."""

    iss: str
    sub: str
    sid: str
    acr: str
    auth_time: datetime
    expires_at: datetime
    name: str  # "" if the issuer gives none


def verify(
    token: str,
    *,
    keys: PinnedKeys,
    issuer: str,
    audience: str,
    nonce: str,
    now: datetime,
    algorithms: frozenset[str] = ALGORITHMS,
) -> Claims:
    """Return what the ID token of a login claims, or raise the TokenInvalid leaf of the first check it fails.

    1 to 10 as in `idp.jws.verify_token`, where `typ` says JWT if anything; 11. `nonce` equal; 12. `sub`, `sid`, `acr`,
    `auth_time` present with their types. Sources: OIDC Core §2 and §3.1.3.7.
    """
    claims = verify_token(  # 1 to 10
        token, kind=_is_id_token, keys=keys, issuer=issuer, audience=audience, now=now, algorithms=algorithms
    )
    _check_nonce(claims, nonce)  # 11
    return Claims(  # 12
        iss=claims["iss"],
        sub=text(claims, "sub"),
        sid=text(claims, "sid"),
        acr=text(claims, "acr"),
        auth_time=instant(claims, "auth_time"),
        expires_at=instant(claims, "exp"),
        name=_name(claims),
    )


def verify_renewed(
    token: str, *, keys: PinnedKeys, issuer: str, audience: str, sub: str, sid: str, nonce: str, now: datetime
) -> None:
    """Check that the ID token of a refresh is of the same login, or raise TokenInvalid.

    1 to 10 as in `verify`; 11. `sub` and `sid` are the login's; 12. so is `nonce`, where given.
    Source: OIDC Core §12.2.
    """
    claims = verify_token(token, kind=_is_id_token, keys=keys, issuer=issuer, audience=audience, now=now)  # 1 to 10
    if (text(claims, "sub"), text(claims, "sid")) != (sub, sid):  # 11
        raise TokenClaimsWrong("another login")
    if "nonce" in claims:  # 12
        _check_nonce(claims, nonce)


def _is_id_token(header: Members, claims: Members) -> bool:
    return (header.get("typ", "JWT"), claims.get("typ", "ID")) == ("JWT", "ID")  # Keycloak's kinds are in the claim


def _check_nonce(claims: Members, nonce: str) -> None:
    if not secrets.compare_digest(text(claims, "nonce", TokenNonceWrong).encode(), nonce.encode()):
        raise TokenNonceWrong("another login's nonce")


def _name(claims: Members) -> str:
    value = claims.get("name", "")
    if not isinstance(value, str) or len(value) > MAX_NAME_CHARS or not value.isprintable():
        raise TokenClaimsWrong("`name` is not printable text")
    return value
