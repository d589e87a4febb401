"""Sign and check with Ed25519 (RFC 8032)."""

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crypto.errors import KeyFileUnsafe, SignatureInvalid


class VerifyingKey:
    """The public half of a key, 32 raw bytes."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.key_id = hashlib.sha256(raw).hexdigest()[:16]
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def check(self, signature: bytes, message: bytes) -> None:
        """Return nothing if `signature` (64 bytes) is ours over `message`. Raises SignatureInvalid."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise SignatureInvalid from None


class SigningKey:
    """The private half of a key, from a seed of 32 bytes. It never leaves this object."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = VerifyingKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`, 64 bytes."""
        return self._key.sign(message)


def keep_public(path: Path, key: VerifyingKey) -> None:
    """Write the public half to the file `path`, in hexadecimal, for whoever verifies."""
    path.write_text(key.raw.hex() + "\n")


def load_public(path: Path) -> VerifyingKey:
    """Return the public key in the file `path`. Raises KeyFileUnsafe."""
    try:
        return VerifyingKey(bytes.fromhex(path.read_text()))
    except (OSError, ValueError) as failure:
        raise KeyFileUnsafe(f"public key `{path.name}` cannot be read: {failure}") from failure
