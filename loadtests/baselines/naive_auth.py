"""The auth_request target one writes first: Flask, and PyJWT verifying the RS256 token of every request.

Started by granian with two workers (`loadtests/running.py`), the public key's file as PUBLIC_KEY in the environment.
"""

import os
from pathlib import Path
from typing import cast

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask import Flask, Response, request
from jwt.types import Options

_KEY = cast("RSAPublicKey", load_pem_public_key(Path(os.environ["PUBLIC_KEY"]).read_bytes()))
_OPTIONS: Options = {"require": ["exp", "iss", "aud", "sub"]}
app = Flask(__name__)


@app.get("/auth")
def auth() -> Response:
    """204 with who it is, or 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = jwt.decode(token, _KEY, ["RS256"], audience="portal", issuer="https://issuer", options=_OPTIONS)
    except jwt.InvalidTokenError:
        return Response(status=401)
    if scheme.lower() != "bearer":
        return Response(status=401)
    return Response(status=204, headers={"X-User": claims["sub"], "X-Roles": ",".join(claims["roles"])})
