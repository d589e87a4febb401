"""The baseline of `bench crypto`: an envelope by bare calls of cryptography, its keys prepared, written well."""

import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM


def seal(kek: AESGCM, plaintext: bytes, context: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """A new DEK, wrapped, and the data under it; nothing is put together, looked up or counted."""
    dek, first, second = os.urandom(32), os.urandom(12), os.urandom(12)
    wrapped = kek.encrypt(first, dek, None)
    return first, wrapped, second, AESGCM(dek).encrypt(second, plaintext, context)


def unseal(kek: AESGCM, sealed: tuple[bytes, bytes, bytes, bytes], context: bytes) -> bytes:
    """The way back."""
    first, wrapped, second, data = sealed
    return AESGCM(kek.decrypt(first, wrapped, None)).decrypt(second, data, context)


def sm4_seal(algorithm: SM4, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    """SM4-GCM, for which there is no shorter way."""
    context_ = Cipher(algorithm, GCM(nonce)).encryptor()
    context_.authenticate_additional_data(context)
    return context_.update(plaintext) + context_.finalize() + context_.tag
