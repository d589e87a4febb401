"""SM2 signatures (GB/T 32918.2) over SM3, by GmSSL's C: pyca has no SM2, and no pure-Python code signs here.

A secret is the private number (32 bytes) followed by its public point (64, without the leading 04): the library takes
both and would sign with two that do not belong together, giving a signature that nobody can check. So every secret is
tried before it is used. The signer's identity is the one that GB/T 35276 prescribes where none is agreed on.
"""

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from gmssl_pyx import (
    SM2_DEFAULT_SIGNER_ID,
    InvalidValueError,
    normalize_sm2_public_key,
    sm2_key_generate,
    sm2_sign,
    sm2_verify,
)

from crypto.errors import KeyDamaged, SignatureInvalid

_PRIVATE_BYTES, _PUBLIC_BYTES = 32, 64
_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123  # GB/T 32918.5
_TRIAL = b"citygate: does this public key belong to this private key?"


def generate() -> bytes:
    """Return a new secret, 96 bytes."""
    public, private = sm2_key_generate()
    return bytes(private + public)


def public_of(secret: bytes) -> bytes:
    """Return the public key of a secret, 64 bytes. Raises KeyDamaged."""
    return _checked(secret)[1]


def sign(secret: bytes, message: bytes) -> bytes:
    """Return a signature over `message`, in DER as GB/T 35276 has it. Raises KeyDamaged."""
    private, public = _checked(secret)
    return bytes(sm2_sign(private, public, message, SM2_DEFAULT_SIGNER_ID))


def check(public: bytes, signature: bytes, message: bytes) -> None:
    """Return nothing if `signature` is the key's over `message`. Raises SignatureInvalid.

    Only two numbers in range, in their one encoding, reach the C code, which prints a line about everything else.
    """
    try:
        r, s = decode_dss_signature(signature)
        sound = 0 < r < _ORDER and 0 < s < _ORDER and encode_dss_signature(r, s) == signature
        if not sound or not sm2_verify(normalize_sm2_public_key(public), message, signature, SM2_DEFAULT_SIGNER_ID):
            raise SignatureInvalid
    except (InvalidValueError, ValueError):
        raise SignatureInvalid from None


def _checked(secret: bytes) -> tuple[bytes, bytes]:
    private, public = secret[:_PRIVATE_BYTES], secret[_PRIVATE_BYTES:]
    if len(public) != _PUBLIC_BYTES:
        raise KeyDamaged
    try:
        check(public, bytes(sm2_sign(private, public, _TRIAL, SM2_DEFAULT_SIGNER_ID)), _TRIAL)
    except (InvalidValueError, SignatureInvalid):
        raise KeyDamaged from None
    return private, public
