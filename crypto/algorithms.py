"""The registry: every algorithm by its name and by the byte that stands in what it made; and the two suites.

A suite is chosen for a department; a key's next version takes what its department's suite says then, so that
algorithms change by rotation alone (ASVS 11.2.2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256, SM3, Hash, HashAlgorithm

from crypto import ed25519, sm2

NONCE_BYTES, TAG_BYTES = 12, 16
Bytes = bytes | memoryview
Room = bytearray | memoryview


class Aead(Protocol):
    """One key of an authenticated cipher. Nonces have 12 bytes, tags 16."""

    def encrypt(self, nonce: bytes, data: Bytes, associated_data: Bytes, /) -> bytes:
        """Return ciphertext and tag."""

    def encrypt_into(self, nonce: bytes, data: Bytes, associated_data: Bytes, buf: Room, /) -> int:
        """Write ciphertext and tag into `buf`, which has exactly that length. Return how many bytes that were."""

    def decrypt(self, nonce: Bytes, data: Bytes, associated_data: Bytes, /) -> bytes:
        """Return the plaintext. Raises InvalidTag if anything was changed."""


class Sm4Gcm:
    """SM4-GCM (GB/T 32907, RFC 8998): pyca has the mode and no class for it."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = SM4(key)

    def encrypt(self, nonce: bytes, data: Bytes, associated_data: Bytes, /) -> bytes:
        """As `Aead` says."""
        context = Cipher(self._algorithm, GCM(nonce)).encryptor()
        context.authenticate_additional_data(associated_data)
        return context.update(data) + context.finalize() + context.tag

    def encrypt_into(self, nonce: bytes, data: Bytes, associated_data: Bytes, buf: Room, /) -> int:
        """As `Aead` says."""
        sealed = self.encrypt(nonce, data, associated_data)
        memoryview(buf)[:] = sealed
        return len(sealed)

    def decrypt(self, nonce: Bytes, data: Bytes, associated_data: Bytes, /) -> bytes:
        """As `Aead` says."""
        view = memoryview(data)
        context = Cipher(self._algorithm, GCM(bytes(nonce), bytes(view[-TAG_BYTES:]))).decryptor()
        context.authenticate_additional_data(associated_data)
        return context.update(view[:-TAG_BYTES]) + context.finalize()


@dataclass(frozen=True, slots=True)
class Sealing:
    """An algorithm that seals. Its `code` stands in what it sealed, and is never given to another."""

    name: str
    code: int
    key_bytes: int
    make: Callable[[bytes], Aead]


@dataclass(frozen=True, slots=True)
class Signing:
    """An algorithm that signs. A secret is what `generate` returned; `sign` and `public` raise KeyDamaged for a damaged
    one.
    """

    name: str
    code: int
    generate: Callable[[], bytes]
    public: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes], bytes]  # secret, message
    check: Callable[[bytes, bytes, bytes], None]  # public key, signature, message; raises SignatureInvalid


@dataclass(frozen=True, slots=True)
class Hashing:
    """A hash of 32 bytes."""

    name: str
    algorithm: HashAlgorithm

    def digest(self, message: bytes) -> bytes:
        """Return the 32 bytes over `message`."""
        context = Hash(self.algorithm)
        context.update(message)
        return context.finalize()


AES_256_GCM = Sealing("AES-256-GCM", 1, 32, AESGCM)
SM4_GCM = Sealing("SM4-GCM", 2, 16, Sm4Gcm)
ED25519 = Signing("Ed25519", 3, ed25519.generate, ed25519.public_of, ed25519.sign, ed25519.check)
SM2 = Signing("SM2", 4, sm2.generate, sm2.public_of, sm2.sign, sm2.check)
SHA_256, SM3_HASH = Hashing("SHA-256", SHA256()), Hashing("SM3", SM3())

SEALING: Mapping[str, Sealing] = {one.name: one for one in (AES_256_GCM, SM4_GCM)}
SEALING_BY_CODE: Mapping[int, Sealing] = {one.code: one for one in SEALING.values()}
SIGNING: Mapping[str, Signing] = {one.name: one for one in (ED25519, SM2)}


@dataclass(frozen=True, slots=True)
class Suite:
    """The algorithms of a department's keys: one to seal, one to sign, one to hash."""

    name: str
    sealing: Sealing
    signing: Signing
    hashing: Hashing


INTERNATIONAL = Suite("international", AES_256_GCM, ED25519, SHA_256)
GUOMI = Suite("guomi", SM4_GCM, SM2, SM3_HASH)
SUITES: Mapping[str, Suite] = {one.name: one for one in (INTERNATIONAL, GUOMI)}
