"""The envelope: a fresh data key (DEK) for each object, wrapped by one version of a key (KEK).

Layout: format (1 byte) ‖ algorithm (1) ‖ key id (26) ‖ version (4, big-endian)          the header, 32 bytes
        ‖ nonce (12) ‖ DEK and tag                                                        sealed under the version
        ‖ nonce (12) ‖ plaintext and tag                                                  sealed under the DEK
The header is AAD of the first; header, wrapped DEK and the caller's context are AAD of the second. All before the
context has a fixed length, so that no two contexts read alike. A version wraps with random nonces, so it rotates long
before 2^32 of them (SP 800-38D §8.3; `lifecycle`); a DEK meets one nonce.
"""

import os
from dataclasses import dataclass
from io import BytesIO

from cryptography.exceptions import InvalidTag

from crypto.algorithms import NONCE_BYTES, SEALING_BY_CODE, TAG_BYTES, Aead, Sealing
from crypto.errors import SealInvalid

FORMAT = 2
KEY_ID_BYTES, _VERSION_BYTES = 26, 4
_LARGE_BYTES = 1 << 16  # to work on it in its place costs a microsecond, to copy it more
HEADER_BYTES = 2 + KEY_ID_BYTES + _VERSION_BYTES


@dataclass(frozen=True, slots=True)
class Header:
    """What an envelope says of itself. It is true only once the envelope was opened."""

    algorithm: Sealing
    key: str
    version: int


def header_of(sealed: bytes) -> Header:
    """Return the header of an envelope, unchecked. Raises SealInvalid if there is none."""
    if len(sealed) < HEADER_BYTES or sealed[0] != FORMAT or sealed[1] not in SEALING_BY_CODE:
        raise SealInvalid
    try:
        key = sealed[2 : 2 + KEY_ID_BYTES].decode("ascii")
    except UnicodeDecodeError:
        raise SealInvalid from None
    version = int.from_bytes(sealed[2 + KEY_ID_BYTES : HEADER_BYTES], "big")
    return Header(SEALING_BY_CODE[sealed[1]], key, version)


def version_id(key: str, number: int) -> str:
    """Return the id of a version's row, which is also its name where uses are counted."""
    return f"{key}:{number}"


class Kek:
    """One version of one key, ready to seal and to open. Its material never leaves this object."""

    def __init__(self, key: str, version: int, algorithm: Sealing, material: bytes) -> None:
        """`key`: its id, 26 ASCII characters. Raises ValueError."""
        if len(material) != algorithm.key_bytes or len(key) != KEY_ID_BYTES:
            raise ValueError(f"{algorithm.name} takes {algorithm.key_bytes} bytes, a key id has {KEY_ID_BYTES}")
        self.key, self.version, self.name = key, version, version_id(key, version)
        self.header = bytes((FORMAT, algorithm.code)) + key.encode("ascii") + version.to_bytes(_VERSION_BYTES, "big")
        self._aead, self._make, self._dek_bytes = algorithm.make(material), algorithm.make, algorithm.key_bytes
        self._wrapped_to = HEADER_BYTES + NONCE_BYTES + algorithm.key_bytes + TAG_BYTES

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Return an envelope of `plaintext`, 120 bytes longer (AES-256) or 104 (SM4).
        `context` is authenticated, and not in it.
        """
        wrapped, nonce, dek = self._new_dek()
        if len(plaintext) < _LARGE_BYTES:
            return wrapped + nonce + dek.encrypt(nonce, plaintext, wrapped + context)
        head = wrapped + nonce
        room = BytesIO(bytes(len(head) + len(plaintext) + TAG_BYTES))
        with room.getbuffer() as view, view[len(head) :] as body:
            view[: len(head)] = head
            dek.encrypt_into(nonce, plaintext, wrapped + context, body)
        return room.getvalue()

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Return the plaintext of an envelope that was sealed for the same `context`.
        Raises SealInvalid, the same for every reason.
        """
        to, body = self._wrapped_to, self._wrapped_to + NONCE_BYTES
        if not sealed.startswith(self.header) or len(sealed) < body + TAG_BYTES:
            raise SealInvalid
        wrapped, start = sealed[:to], HEADER_BYTES + NONCE_BYTES
        data = sealed[body:] if len(sealed) < _LARGE_BYTES else memoryview(sealed)[body:]
        try:
            dek = self._make(self._aead.decrypt(wrapped[HEADER_BYTES:start], wrapped[start:], self.header))
            return dek.decrypt(sealed[to:body], data, wrapped + context)
        except InvalidTag:
            raise SealInvalid from None

    def _new_dek(self) -> tuple[bytes, bytes, Aead]:
        """Header and wrapped DEK, the DEK's one nonce, and the DEK ready to use it."""
        chance = os.urandom(2 * NONCE_BYTES + self._dek_bytes)
        first, second, dek = chance[:NONCE_BYTES], chance[NONCE_BYTES : 2 * NONCE_BYTES], chance[2 * NONCE_BYTES :]
        return self.header + first + self._aead.encrypt(first, dek, self.header), second, self._make(dek)
