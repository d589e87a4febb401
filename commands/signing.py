"""Sign a request as an app does: the scheme of `docs/portal-developers.md`, written for a client; pure."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

_SCHEME = "Citygate-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRequest:
    """What of a request is signed, each as it is sent."""

    method: str
    host: str  # lower case, without port
    target: str  # path and query
    content_type: str  # "" for none
    digest: str  # of the body, as in `Content-Digest`


def content_digest(body: bytes) -> str:
    """Return the SHA-256 of `body` as `Content-Digest` tells it (RFC 9530 §2)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def authorization(request: AppRequest, *, key: str, secret: bytes, time: int, nonce: str) -> str:
    """Return the value of the `Authorization` header of `request`.

    `key` is the app's id without "app:", `time` is in seconds since 1970, and `nonce` was never used before.
    """
    asked = (request.method, request.host, request.target, request.content_type, request.digest)
    lines = (_SCHEME, key, str(time), nonce, *asked)
    signature = hmac.digest(secret, "\n".join(lines).encode(), "sha256").hex()
    return f"{_SCHEME} key={key}, time={time}, nonce={nonce}, signature={signature}"
