"""Ed25519 (RFC 8032) as the registry wants it: a secret is the 32-byte seed."""

import secrets

from crypto.sign import SigningKey, VerifyingKey


def generate() -> bytes:
    """A new secret."""
    return secrets.token_bytes(32)


def public_of(secret: bytes) -> bytes:
    """The public key, 32 bytes."""
    return SigningKey(secret).public.raw


def sign(secret: bytes, message: bytes) -> bytes:
    """64 bytes of signature."""
    return SigningKey(secret).sign(message)


def check(public: bytes, signature: bytes, message: bytes) -> None:
    """Raises SignatureInvalid."""
    VerifyingKey(public).check(signature, message)
