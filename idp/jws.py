"""A token of the issuer: one reading, one of its pinned keys, and the checks that every kind of token needs."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import jwt
from jwt.exceptions import InvalidSignatureError, PyJWTError

from idp.errors import (
    TokenAlgorithmRefused,
    TokenAudienceWrong,
    TokenClaimsWrong,
    TokenHeaderRefused,
    TokenIssuerWrong,
    TokenKeyUnknown,
    TokenMalformed,
    TokenNonceWrong,
    TokenSignatureInvalid,
    TokenTimeWrong,
)

MAX_TOKEN_BYTES = 16 * 1024
MAX_NAME_CHARS = 255  # OIDC Core §2: `sub` is at most 255 ASCII characters
LEEWAY = timedelta(seconds=60)
ALGORITHMS = frozenset({"EdDSA", "ES256", "RS256"})
_ALGORITHM_OF = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", ""): "RS256"}
_MIN_RSA_BITS = 2048
_KEYS_FROM_TOKEN = frozenset({"jwk", "jku", "x5u", "x5c", "crit"})
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_LATEST_SECONDS = 253_402_300_799  # the last second a datetime can hold

_JWS = jwt.PyJWS(sorted(ALGORITHMS))

PinnedKeys = Mapping[str, jwt.PyJWK]
Members = dict[str, Any]


def pin(jwks: object) -> PinnedKeys:
    """The signing keys of a JWK set by their id, each bound to one algorithm.

    Keys of other kinds (symmetric, encryption, weak or unknown ones) are left out; a set that says one id
    twice, or is no set, raises TokenMalformed. Source: RFC 7517 §5.
    """
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list):
        raise TokenMalformed("not a JWK set")
    pinned: dict[str, jwt.PyJWK] = {}
    for jwk in jwks["keys"]:
        if not isinstance(jwk, dict) or not isinstance(kid := jwk.get("kid"), str):
            continue
        if (key := _signing_key(jwk)) is None:
            continue
        if kid in pinned:
            raise TokenMalformed("a JWK set with one key id twice")
        pinned[kid] = key
    return pinned


def verify_token(
    token: str,
    *,
    kind: Callable[[Members, Members], bool],
    keys: PinnedKeys,
    issuer: str,
    audience: str,
    now: datetime,
    algorithms: frozenset[str] = ALGORITHMS,
) -> Members:
    """The claims of `token`, of the `kind` that header and claims say, or the TokenInvalid of the first check it fails.

    1. at most 16 KiB; 2. exactly three parts, base64url, JSON objects without a member twice; 3. `alg` on the
    issuer's list, never `none` or symmetric; 4. no `jwk`, `jku`, `x5u`, `x5c` or `crit`; 5. the kind of token that is
    expected; 6. `kid` among the pinned keys, and `alg` is that key's own; 7. signature, by PyJWT, which reads each
    part in one spelling only; 8. `iss` equal byte for byte; 9. `aud` is or contains the client, `azp` is the client;
    10. `exp`, `nbf`, `iat` within 60 s of leeway. Sources: RFC 8725 §3, OIDC Core §3.1.3.7.
    """
    if len(token) > MAX_TOKEN_BYTES:  # 1
        raise TokenMalformed("token longer than 16 KiB")
    header, claims = _parse(token)  # 2
    algorithm = _check_header(header, algorithms & ALGORITHMS)  # 3, 4
    if not kind(header, claims):  # 5
        raise TokenHeaderRefused("another kind of token")
    key = _key(header.get("kid"), keys, algorithm)  # 6
    _check_signature(token, key)  # 7
    if claims.get("iss") != issuer:  # 8
        raise TokenIssuerWrong("another issuer")
    _check_audience(claims, audience)  # 9
    _check_times(claims, now)  # 10
    return claims


def instant(claims: Members, name: str) -> datetime:
    """The time this claim names. Raises TokenClaimsWrong."""
    seconds = claims.get(name)
    if type(seconds) is not int or not 0 <= seconds < _LATEST_SECONDS - LEEWAY.seconds:
        raise TokenClaimsWrong(f"`{name}` is not a time")
    return datetime.fromtimestamp(seconds, UTC)


def text(claims: Members, name: str, error: type[TokenClaimsWrong | TokenNonceWrong] = TokenClaimsWrong) -> str:
    """This claim, 1 to 255 visible ASCII characters. Raises `error`."""
    value = claims.get(name)
    if not isinstance(value, str) or not _VISIBLE_ASCII.fullmatch(value) or len(value) > MAX_NAME_CHARS:
        raise error(f"`{name}` is missing, too long or not visible ASCII")
    return value


def _check_header(header: Members, algorithms: frozenset[str]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:  # 3
        raise TokenAlgorithmRefused("algorithm not on the issuer's list")
    if _KEYS_FROM_TOKEN & header.keys():  # 4
        raise TokenHeaderRefused("header brings a key or an extension")
    return algorithm


def _key(kid: object, keys: PinnedKeys, algorithm: str) -> jwt.PyJWK:
    if not isinstance(kid, str) or kid not in keys:  # 6
        raise TokenKeyUnknown(kid if isinstance(kid, str) else "")
    if keys[kid].algorithm_name != algorithm:
        raise TokenAlgorithmRefused("algorithm is not the key's own")
    return keys[kid]


def _signing_key(jwk: Members) -> jwt.PyJWK | None:
    algorithm = _ALGORITHM_OF.get((str(jwk.get("kty")), str(jwk.get("crv", ""))))
    if algorithm is None or jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    public = {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y", "n", "e"}}
    try:
        key = jwt.PyJWK(public, algorithm)
    except PyJWTError:
        return None
    return None if algorithm == "RS256" and key.key.key_size < _MIN_RSA_BITS else key


def _check_signature(token: str, key: jwt.PyJWK) -> None:
    try:
        _JWS.decode(token, key, [key.algorithm_name])
    except InvalidSignatureError:
        raise TokenSignatureInvalid("signature does not verify") from None
    except PyJWTError:
        raise TokenMalformed("part is not canonical base64url") from None


def _parse(token: str) -> tuple[Members, Members]:
    """PyJWT would take a member twice, padding, and an empty signature."""
    if (parts := _COMPACT.fullmatch(token)) is None:
        raise TokenMalformed("not three parts of base64url")
    return _object(parts[1]), _object(parts[2])


def _object(part: str) -> Members:
    try:
        text = base64.urlsafe_b64decode(part + "==").decode()
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise TokenMalformed("part is not JSON with one reading") from None
    if not isinstance(value, dict):
        raise TokenMalformed("part is not a JSON object")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("member twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _check_audience(claims: Members, audience: str) -> None:
    stated = claims.get("aud")
    audiences = [stated] if isinstance(stated, str) else stated
    if not isinstance(audiences, list) or audience not in audiences:
        raise TokenAudienceWrong("meant for another client")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != audience:
        raise TokenAudienceWrong("issued to another client")


def _check_times(claims: Members, now: datetime) -> None:
    issued_at, expires_at = instant(claims, "iat"), instant(claims, "exp")
    not_before = instant(claims, "nbf") if "nbf" in claims else issued_at
    if now >= expires_at + LEEWAY:
        raise TokenTimeWrong("expired")
    if now < max(issued_at, not_before) - LEEWAY:
        raise TokenTimeWrong("not yet valid")
