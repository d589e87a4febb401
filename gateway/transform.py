"""Recorded → Recorded: the request as the upstream shall see it, with the door's signed assertion on it.

Hop-by-hop headers go first (RFC 9110 §7.6.1), then everything that could pass for an identity, by normalized name;
what is ours is added last, so nothing a client sent can take it away again (law 10).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from crypto.sign import SigningKey
from gateway.canonical import is_spoofable
from gateway.stages import Headers, Listener, Recorded
from idp import session

ASSERTION_HEADER = b"x-citygate-assertion"
ASSERTION_SECONDS = 60
_KNOWN_PAIRS = 1 << 14
_TEXT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_OUR_COOKIES = session.COOKIE.encode()
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade", b"expect")
)  # fmt: skip


class Assertions:
    """Signs what upstreams may believe: who, for which system, for this one request, for a minute."""

    def __init__(self, key: SigningKey, *, pairwise: bytes, roles: Callable[[str, str], list[str]]) -> None:
        self._key, self._pairwise, self._roles = key, pairwise, roles
        self.pairwise = lru_cache(maxsize=_KNOWN_PAIRS)(self._as_known)
        """A subject, a system: the subject as that system knows it, and no other does (OIDC Core §8.1)."""
        self._header = _segment({"alg": "EdDSA", "kid": key.public.key_id, "typ": "citygate-assertion+jwt"})

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 8037)."""
        public = self._key.public
        x = base64.urlsafe_b64encode(public.raw).rstrip(b"=").decode()
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": public.key_id, "x": x}]}

    def sign(self, recorded: Recorded) -> bytes:
        """The compact JWS (RFC 7515) for this request and no other."""
        inbound, matched, identity = recorded.inbound, recorded.matched, recorded.identity
        issued = int(inbound.at.timestamp())
        claims = {
            "iss": inbound.origin,
            "aud": matched.route.system,
            "sub": self.pairwise(identity.subject, matched.route.system),
            "name": identity.name,
            "roles": self._roles(identity.subject, matched.department),
            "acr": str(identity.assurance),
            "label": int(matched.label),
            "jti": inbound.id,
            "iat": issued,
            "exp": issued + ASSERTION_SECONDS,
            "htm": inbound.method,
            "htu": inbound.target,
        }
        signed = self._header + b"." + _segment(claims)
        return signed + b"." + base64.urlsafe_b64encode(self._key.sign(signed)).rstrip(b"=")

    def _as_known(self, subject: str, system: str) -> str:
        return hmac.new(self._pairwise, f"{system}\x00{subject}".encode(), hashlib.sha256).hexdigest()[:32]


def transform(recorded: Recorded, assertions: Assertions) -> Recorded:
    """Put the headers to be forwarded on the request; the target and the body stay as they were authorized."""
    if recorded.matched.route.delivery != "proxy":
        return recorded
    ours = (ASSERTION_HEADER, assertions.sign(recorded))
    headers = recorded.inbound.headers
    if recorded.inbound.listener is Listener.GATE:  # the data plane forwards the others as they are
        headers = tuple(pair for pair in headers if pair[0] == b"cookie")
    return replace(recorded, forward=(*forwardable(headers), ours))


def forwardable(headers: Headers) -> Headers:
    """A client's headers without those of the connection, of the door, and of anybody's identity."""
    listed = {token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")}
    kept = list[tuple[bytes, bytes]]()
    for name, value in headers:
        if name == b"cookie" and name not in listed:
            if theirs := _without_our_cookies(value):
                kept.append((name, theirs))
        elif not (name in HOP_BY_HOP or name in listed or name == b"authorization" or is_spoofable(name)):
            kept.append((name, value))
    return tuple(kept)


def _without_our_cookies(value: bytes) -> bytes:
    return b"; ".join([part for part in map(bytes.strip, value.split(b";")) if not part.startswith(_OUR_COOKIES)])


def _segment(value: Mapping[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(_TEXT.encode(value).encode()).rstrip(b"=")
