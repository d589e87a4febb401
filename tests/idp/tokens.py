"""An issuer's keys of every kind, and tokens with any header and body that they really sign."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from idp.jws import pin

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ISSUER = "http://login.localhost:8000/realms/city"
SECONDS = int(NOW.timestamp())
PRIVATE = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}


def jwk(algorithm: str, key: Any, **more: str) -> dict[str, Any]:
    public = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    return public | {"kid": algorithm, "use": "sig"} | more


KEYS = pin({"keys": [jwk(algorithm, key) for algorithm, key in PRIVATE.items()]})


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(
    body: dict[str, Any] | bytes, header: dict[str, Any] | bytes | None = None, *, algorithm: str = "EdDSA"
) -> str:
    """A token of ours with any header and body; PRIVATE[algorithm] really signs it."""
    if not isinstance(header, bytes):
        header = json.dumps({"alg": algorithm, "kid": algorithm, "typ": "JWT"} | (header or {})).encode()
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = f"{b64(header)}.{b64(body)}"
    signature = jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), PRIVATE[algorithm])
    return f"{signed}.{b64(signature)}"
