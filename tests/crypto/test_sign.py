"""Ed25519 against RFC 8032, and signatures that must not verify."""

import json
from pathlib import Path

import pytest

from crypto.errors import SignatureInvalid
from crypto.sign import SigningKey, VerifyingKey

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/rfc8032_ed25519.json").read_text())
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point, RFC 8032 §5.1


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_key_signs_as_published(vector: dict[str, str]) -> None:
    key, message = SigningKey(bytes.fromhex(vector["secret"])), bytes.fromhex(vector["message"])
    assert key.public.raw.hex() == vector["public"]
    assert key.sign(message).hex() == vector["signature"]
    VerifyingKey(bytes.fromhex(vector["public"])).check(bytes.fromhex(vector["signature"]), message)


def test_no_changed_bit_verifies() -> None:
    key = SigningKey(bytes(32))
    signature = key.sign(b"checkpoint")
    for at in range(64):
        changed = bytes([*signature[:at], signature[at] ^ 1, *signature[at + 1 :]])
        with pytest.raises(SignatureInvalid):
            key.public.check(changed, b"checkpoint")


@pytest.mark.parametrize("size", [0, 32, 63, 65, 128])
def test_a_signature_of_another_size_does_not_verify(size: int) -> None:
    key = SigningKey(bytes(32))
    with pytest.raises(SignatureInvalid):
        key.public.check((key.sign(b"x") * 2)[:size], b"x")


def test_a_signature_has_one_form() -> None:
    key = SigningKey(bytes(32))
    signature = key.sign(b"x")
    other = signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(
        32, "little"
    )  # RFC 8032 §5.1.7
    with pytest.raises(SignatureInvalid):
        key.public.check(other, b"x")


def test_another_message_or_key_does_not_verify() -> None:
    key = SigningKey(bytes(32))
    for public, message in ((key.public, b"y"), (SigningKey(bytes([1] * 32)).public, b"x")):
        with pytest.raises(SignatureInvalid):
            public.check(key.sign(b"x"), message)
