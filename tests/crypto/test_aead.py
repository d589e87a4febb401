"""Sealing: the documented layout, checked with published primitives, and one answer for everything that is wrong."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from crypto.aead import Seal
from crypto.errors import SealInvalid

KEK, PURPOSE = bytes(range(32)), "session id token"
VECTORS = Path(__file__).parents[1] / "vectors"


def hkdf(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 §2 from the standard library alone."""
    prk = hmac.digest(salt or bytes(32), ikm, "sha256")
    okm, block = b"", b""
    while len(okm) < length:
        block = hmac.digest(prk, block + info + bytes([len(okm) // 32 + 1]), "sha256")
        okm += block
    return okm[:length]


def vectors(name: str) -> list:
    return [pytest.param(one, id=one["name"]) for one in json.loads((VECTORS / name).read_text())]


@pytest.mark.parametrize("vector", vectors("rfc5869_hkdf.json"))
def test_our_second_hkdf_gives_the_published_keys(vector: dict[str, str]) -> None:
    okm = bytes.fromhex(vector["okm"])
    given_ones = (bytes.fromhex(vector[name]) for name in ("ikm", "salt", "info"))
    assert hkdf(*given_ones, len(okm)) == okm


@pytest.mark.parametrize("vector", vectors("gcm_aes256.json"))
def test_the_cipher_gives_the_published_bytes(vector: dict[str, str]) -> None:
    value = {name: bytes.fromhex(text) for name, text in vector.items() if name != "name"}
    sealed = AESGCM(value["key"]).encrypt(value["iv"], value["plaintext"], value["aad"])
    assert sealed == value["ciphertext"] + value["tag"]


def test_a_sealed_value_opens_by_the_documented_layout() -> None:
    sealed = Seal(KEK).seal(b"secret", purpose=PURPOSE)
    header, rest = sealed[:37], sealed[37:]
    salt, nonce = header[9:25], header[25:]
    assert header[:9] == b"\x01" + hashlib.sha256(b"citygate key id\x00" + KEK).digest()[:8]
    dek = hkdf(KEK, salt, b"citygate seal\x00" + PURPOSE.encode(), 32)
    assert AESGCM(dek).decrypt(nonce, rest, header + PURPOSE.encode()) == b"secret"


@given(st.binary(max_size=300), st.text(max_size=30))
def test_what_is_sealed_opens_again_and_is_53_bytes_longer(plaintext: bytes, purpose: str) -> None:
    sealed = Seal(KEK).seal(plaintext, purpose=purpose)
    assert len(sealed) == len(plaintext) + 53
    assert Seal(KEK).open(sealed, purpose=purpose) == plaintext


def wrong_ones() -> dict[str, tuple[bytes, Seal, str]]:
    seal = Seal(KEK)
    sealed, longer = seal.seal(b"secret", purpose=PURPOSE), Seal(bytes(32)).seal(b"secret", purpose=PURPOSE)
    flips = {
        f"byte {at} bit {bit}": (bytes([*sealed[:at], sealed[at] ^ 1 << bit, *sealed[at + 1 :]]), seal, PURPOSE)
        for at in range(len(sealed))
        for bit in (0, 7)
    }
    cuts = {f"cut to {size}": (sealed[:size], seal, PURPOSE) for size in range(len(sealed))}
    return (
        flips
        | cuts
        | {
            "longer": (sealed + b"\0", seal, PURPOSE),
            "another purpose": (sealed, seal, "access key"),
            "a purpose that begins the same": (sealed, seal, PURPOSE + " "),
            "another key": (sealed, Seal(bytes(32)), PURPOSE),
            "another key under this key's id": (sealed[:9] + longer[9:], seal, PURPOSE),
            "this key's bytes under another id": (longer[:9] + sealed[9:], Seal(bytes(32)), PURPOSE),
        }
    )


def test_everything_wrong_gets_one_and_the_same_answer() -> None:
    answers = set()
    for name, (sealed, seal, purpose) in wrong_ones().items():
        with pytest.raises(SealInvalid) as refused:
            pytest.fail(f"{name}: {seal.open(sealed, purpose=purpose)!r}")
        answers.add((str(refused.value), refused.value.__cause__))
    assert answers == {("sealed value does not open", None)}


def test_no_two_sealings_share_a_salt_or_a_nonce() -> None:
    seal = Seal(KEK)
    headers = {seal.seal(b"same", purpose=PURPOSE)[9:37] for _ in range(2000)}
    assert len({header[:16] for header in headers}) == len({header[16:] for header in headers}) == 2000


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_is_no_key(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(bytes(size))


def test_a_mac_is_of_one_key_message_and_purpose() -> None:
    seal = Seal(KEK)
    expected = hmac.digest(hkdf(KEK, b"", b"citygate mac\x00form", 32), b"session", "sha256")
    assert seal.mac(b"session", purpose="form") == expected
    others = [
        Seal(bytes(32)).mac(b"session", purpose="form"),
        seal.mac(b"sessio", purpose="form"),
        seal.mac(b"session", purpose="for"),
    ]
    assert expected not in others
