"""Stream: long plaintexts sealed in chunks, each under its place, so that memory stays flat and nothing can be moved.

    "citygate stream" 0x01 ‖ length of the wrapped DEK (2, big endian) ‖ wrapped DEK ‖ chunk ‖ chunk ‖ …
    chunk = AES-256-GCM(DEK, nonce = number (11, big endian) ‖ last (1), 1 MiB of plaintext, AAD = the head above)

The DEK is fresh for each stream, so a chunk's number may be its nonce (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár,
CRYPTO 2015). A chunk that is cut off, moved, repeated, taken from another stream or put behind the last does not open.
"""

import secrets
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crypto.aead import Seal
from crypto.errors import SealInvalid

CHUNK_BYTES = 1 << 20
_MAGIC = b"citygate stream\x01"
_LENGTH_BYTES, _TAG_BYTES, _WRAPPED_BYTES = 2, 16, 4096


class Sink(Protocol):
    """Where the chunks of a stream go. Every write takes all."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take all of `data`, whose bytes are another's as soon as this returns. Raises OSError."""


class SealingWriter:
    """Takes plaintext by `write` and puts sealed chunks into `sink`.
    The stream is whole only once `close` has returned.
    """

    def __init__(self, sink: Sink, seal: Seal, *, purpose: str) -> None:
        """`purpose` keeps one stream from passing as another. Raises OSError."""
        dek = secrets.token_bytes(32)
        wrapped = seal.seal(dek, purpose=f"stream {purpose}")
        self._head = _MAGIC + len(wrapped).to_bytes(_LENGTH_BYTES, "big") + wrapped
        self._sink, self._cipher, self._number, self._held = sink, AESGCM(dek), 0, b""
        self._sealed = bytearray(CHUNK_BYTES + _TAG_BYTES)  # one for all: fresh memory for each costs more than sealing
        sink.write(self._head)

    def write(self, data: bytes) -> int:
        """Take all of `data`, and return its length. Raises OSError."""
        rest = self._held + data if 0 < len(self._held) < CHUNK_BYTES else data
        if len(self._held) == CHUNK_BYTES and data:
            self._put(self._held, last=False)
        elif not data:
            return 0
        while len(rest) > CHUNK_BYTES:  # a full chunk may be the last: it waits for one more byte
            self._put(rest[:CHUNK_BYTES], last=False)
            rest = rest[CHUNK_BYTES:]
        self._held = rest
        return len(data)

    def close(self) -> None:
        """Put the last chunk. Raises OSError."""
        self._put(self._held, last=True)

    def _put(self, chunk: bytes, *, last: bool) -> None:
        sealed = memoryview(self._sealed)[: len(chunk) + _TAG_BYTES]
        self._cipher.encrypt_into(_nonce(self._number, last=last), chunk, self._head, sealed)
        self._sink.write(sealed)
        self._number += 1


def open_chunks(source: BinaryIO, seal: Seal, *, purpose: str) -> Iterator[bytes]:
    """Yield the plaintext of `source` chunk by chunk. It is the whole only if the iteration ends. Raises SealInvalid,
    OSError.

    Code that uses a chunk before the end uses what may turn out to be cut off.
    """
    start = source.read(len(_MAGIC) + _LENGTH_BYTES)
    length = int.from_bytes(start[len(_MAGIC) :], "big")
    if not start.startswith(_MAGIC) or not 0 < length <= _WRAPPED_BYTES:
        raise SealInvalid
    wrapped = source.read(length)
    cipher, head = AESGCM(seal.open(wrapped, purpose=f"stream {purpose}")), start + wrapped
    number, held = 0, source.read(CHUNK_BYTES + _TAG_BYTES)
    while True:
        following = source.read(CHUNK_BYTES + _TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), held, head)
        except (InvalidTag, ValueError):  # ValueError: shorter than a tag
            raise SealInvalid from None
        if not following:
            return
        number, held = number + 1, following


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
