"""Seal and open small secrets with AES-256-GCM under a fresh data key each.

Layout: format (1 byte) ‖ key id (8) ‖ salt (16) ‖ nonce (12) ‖ ciphertext and tag.
The DEK is HKDF-SHA256(KEK, salt, purpose) (RFC 5869), so no key ever meets two nonces by design and the
2^32 limit of SP 800-38D §8.3 is never near. Everything before the ciphertext, and the purpose, is AAD.
"""

import hashlib
import hmac
import secrets
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.errors import SealInvalid

FORMAT = b"\x01"
_KEK_BYTES = 32
_KEY_ID_BYTES, _SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 8, 16, 12, 16
_HEADER_BYTES = len(FORMAT) + _KEY_ID_BYTES + _SALT_BYTES + _NONCE_BYTES


class Sealer(Protocol):
    """Whatever seals what is kept: one key of a key file (`Seal`), or the versions of the platform's key
    (`platform`).
    """

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Return `plaintext` sealed for this purpose alone."""

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Return the plaintext. Raises SealInvalid, the same for every reason."""

    def mac(self, message: bytes, *, purpose: str) -> bytes:
        """Return 32 bytes that nobody without the key can give for `message`."""


class Seal:
    """One KEK of 32 bytes, and what it does. `purpose` keeps one kind of secret from passing as another."""

    def __init__(self, kek: bytes) -> None:
        if len(kek) != _KEK_BYTES:
            raise ValueError(f"a KEK has {_KEK_BYTES} bytes")
        self._kek = kek
        self._key_id = hashlib.sha256(b"citygate key id\x00" + kek).digest()[:_KEY_ID_BYTES]

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Return `plaintext` sealed; it is 53 bytes longer."""
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        header = FORMAT + self._key_id + salt + nonce
        return header + self._dek(salt, purpose).encrypt(nonce, plaintext, header + purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Return the plaintext. Raises SealInvalid, the same for every reason."""
        header, ciphertext = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        if len(ciphertext) < _TAG_BYTES or not header.startswith(FORMAT + self._key_id):
            raise SealInvalid
        salt, nonce = header[-_SALT_BYTES - _NONCE_BYTES : -_NONCE_BYTES], header[-_NONCE_BYTES:]
        try:
            return self._dek(salt, purpose).decrypt(nonce, ciphertext, header + purpose.encode())
        except InvalidTag:
            raise SealInvalid from None

    def mac(self, message: bytes, *, purpose: str) -> bytes:
        """Return 32 bytes that nobody without this key can give for `message` (HMAC-SHA256, RFC 2104)."""
        info = b"citygate mac\x00" + purpose.encode()
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._kek)
        return hmac.digest(key, message, "sha256")

    def _dek(self, salt: bytes, purpose: str) -> AESGCM:
        info = b"citygate seal\x00" + purpose.encode()
        return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(self._kek))
