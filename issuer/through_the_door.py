"""The sign-in pages answer the door alone: a request without its signed assertion is refused (law 10)."""

import base64
from collections.abc import Callable
from datetime import datetime

import jwt
from flask import Flask, abort, request

from crypto.sign import VerifyingKey

ASSERTION_HEADER = "X-Citygate-Assertion"
_BROWSER_ENDPOINTS = ("/auth", "/logout")  # the rest is the back channel of relying parties
_LEEWAY_SECONDS = 5


def only_through_the_door(app: Flask, key: VerifyingKey, *, audience: str, clock: Callable[[], datetime]) -> None:
    """Make `app` refuse, with 403, browsers that did not come through the door; `key` signs the door's assertions."""
    x = base64.urlsafe_b64encode(key.raw).rstrip(b"=").decode()
    public = jwt.PyJWK({"kty": "OKP", "crv": "Ed25519", "x": x}, "EdDSA")

    @app.before_request
    def check() -> None:
        if not request.path.endswith(_BROWSER_ENDPOINTS):
            return
        query = request.query_string.decode("latin-1")
        target = f"{request.path}?{query}" if query else request.path
        try:
            claims = jwt.decode(
                request.headers.get(ASSERTION_HEADER, ""),
                public,
                algorithms=["EdDSA"],
                audience=audience,
                options={"require": ["aud", "exp", "iat", "jti"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            abort(403)
        meant = (claims.get("htm"), claims.get("htu")) == (request.method, target)
        if not meant or not claims["iat"] - _LEEWAY_SECONDS <= clock().timestamp() <= claims["exp"] + _LEEWAY_SECONDS:
            abort(403)
