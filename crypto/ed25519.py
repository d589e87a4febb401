"""Ed25519 (RFC 8032) as the registry wants it: a secret is the 32-byte seed."""

import secrets

from crypto.sign import SigningKey, VerifyingKey


def generate() -> bytes:
    """Return a new secret: a seed of 32 random bytes."""
    return secrets.token_bytes(32)


def public_of(secret: bytes) -> bytes:
    """Return the public key of a secret, 32 bytes."""
    return SigningKey(secret).public.raw


def sign(secret: bytes, message: bytes) -> bytes:
    """Return the signature over `message`, 64 bytes."""
    return SigningKey(secret).sign(message)


def check(public: bytes, signature: bytes, message: bytes) -> None:
    """Return nothing if `signature` is the key's over `message`. Raises SignatureInvalid."""
    VerifyingKey(public).check(signature, message)
