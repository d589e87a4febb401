"""Bearer tokens for the naive gate: as many as there are visitors it could have, and those that it must refuse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_COUNT = 1000
_LIFETIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Where the public key is, header lines of good tokens in a file, and header lines that nothing may come of."""

    public_key: Path
    credentials: Path
    refused: Sequence[str]


def make(folder: Path) -> Tokens:
    """Sign them with a key of this run."""
    key, other = (generate_private_key(65537, 2048) for _ in range(2))
    public = folder / "public.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    credentials = folder / "tokens"
    credentials.touch(mode=0o600)
    credentials.write_text("\n".join(_line(_signed(number, key)) for number in range(_COUNT)))
    good = _signed(1, key)
    head, claims, signature = good.split(".")
    refused = [
        _signed(1, other),
        jwt.encode(_claims(1), "", "none"),
        _signed(1, key, lifetime=-_LIFETIME),
        f"{head}.{_signed(2, key).split('.')[1]}.{signature}",
        f"{head}.{claims}.",
    ]
    return Tokens(public_key=public, credentials=credentials, refused=["X-None: 1", *map(_line, refused)])


def _line(token: str) -> str:
    return f"Authorization: Bearer {token}"


def _signed(number: int, key: RSAPrivateKey, lifetime: timedelta = _LIFETIME) -> str:
    return jwt.encode(_claims(number, lifetime), key, "RS256", headers={"kid": "bench"})


def _claims(number: int, lifetime: timedelta = _LIFETIME) -> dict[str, object]:
    """As many as a session's token has at a city's issuer."""
    now = datetime.now(UTC)
    return {
        "iss": "https://issuer", "aud": "portal", "sub": f"user:{number}", "exp": now + lifetime, "iat": now,
        "roles": ["visitor", "citizen"], "name": f"访客{number}", "sid": f"sid-{number}", "acr": "3", "azp": "portal",
        "preferred_username": f"visitor-{number}", "locale": "zh-CN", "auth_time": 1,
        "jti": f"{number}", "typ": "Bearer",
    }  # fmt: skip
