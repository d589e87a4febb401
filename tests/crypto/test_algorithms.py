"""The registry against published vectors, and against code that is neither ours nor the library we use."""

import json
from pathlib import Path

import gmalg
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm2
from crypto.algorithms import SEALING, SEALING_BY_CODE, SHA_256, SIGNING, SM3_HASH, SUITES, Sm4Gcm
from crypto.errors import KeyDamaged, SignatureInvalid

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/guomi.json").read_text())
SM2_VECTOR = {name: bytes.fromhex(text) for name, text in VECTORS["sm2"].items() if name != "name"}


def test_sm4_gcm_gives_the_published_bytes_and_takes_them_back() -> None:
    value = {name: bytes.fromhex(text) for name, text in VECTORS["sm4_gcm"].items() if name != "name"}
    room = bytearray(len(value["plaintext"]) + 16)
    Sm4Gcm(value["key"]).encrypt_into(value["iv"], value["plaintext"], value["aad"], room)
    assert bytes(room) == value["ciphertext"] + value["tag"]
    assert Sm4Gcm(value["key"]).decrypt(value["iv"], bytes(room), value["aad"]) == value["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["sm3"], ids=lambda one: one["name"])
def test_sm3_gives_the_published_digests(vector: dict[str, str]) -> None:
    assert SM3_HASH.digest(bytes.fromhex(vector["message"])).hex() == vector["digest"]


@pytest.mark.parametrize("vector", VECTORS["sha256"], ids=lambda one: one["name"])
def test_sha256_gives_the_published_digests(vector: dict[str, str]) -> None:
    assert SHA_256.digest(bytes.fromhex(vector["message"])).hex() == vector["digest"]


def test_the_published_sm2_signature_verifies_and_the_oracle_makes_it() -> None:
    v = SM2_VECTOR
    oracle = gmalg.SM2(
        v["private"], uid=v["signer"], pk=b"\x04" + v["public"], rnd_fn=lambda _bits: int.from_bytes(v["k"], "big")
    )
    assert oracle.sign(v["message"]) == (v["r"], v["s"])
    sm2.check(v["public"], der(v["r"], v["s"]), v["message"])


def test_our_sm2_signature_verifies_with_the_oracle() -> None:
    secret = SM2_VECTOR["private"] + SM2_VECTOR["public"]
    r, s = decode_dss_signature(sm2.sign(secret, b"letter"))
    oracle = gmalg.SM2(uid=SM2_VECTOR["signer"], pk=b"\x04" + sm2.public_of(secret))
    assert oracle.verify(b"letter", r.to_bytes(32, "big"), s.to_bytes(32, "big"))


def test_an_sm2_key_whose_halves_do_not_belong_together_is_refused() -> None:
    """GmSSL itself signs with it."""
    mixed = sm2.generate()[:32] + sm2.generate()[32:]
    for use in (sm2.public_of, lambda secret: sm2.sign(secret, b"x")):
        with pytest.raises(KeyDamaged):
            use(mixed)


@pytest.mark.parametrize("size", [0, 32, 95, 97])
def test_an_sm2_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(KeyDamaged):
        sm2.public_of((sm2.generate() * 2)[:size])


@pytest.mark.parametrize("broken", [b"", b"\x30\x00", b"x" * 71, "again", "longer", "range", "zero"])
def test_what_is_no_sm2_signature_is_refused_before_the_c_code_prints_about_it(
    broken: bytes | str, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = sm2.generate()
    good = sm2.sign(secret, b"x")
    r, s = decode_dss_signature(good)
    order = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
    bad = {"again": good + b"\0", "longer": b"\x30\x81" + good[1:], "range": encode_dss_signature(r, s + order),
           "zero": encode_dss_signature(0, s)}  # fmt: skip
    with pytest.raises(SignatureInvalid):
        sm2.check(sm2.public_of(secret), bad.get(broken, broken), b"x")  # type: ignore[arg-type]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", SIGNING)
def test_a_signature_is_of_one_message_and_one_key(name: str) -> None:
    one = SIGNING[name]
    secret, other = one.generate(), one.generate()
    signature = one.sign(secret, b"m")
    one.check(one.public(secret), signature, b"m")
    for public, message in ((one.public(other), b"m"), (one.public(secret), b"n")):
        with pytest.raises(SignatureInvalid):
            one.check(public, signature, message)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SEALING)), st.binary(max_size=100), st.binary(max_size=40), st.integers(0))
def test_no_changed_bit_of_ciphertext_nonce_or_associated_data_opens(name, plaintext, aad, at) -> None:  # type: ignore[no-untyped-def]
    aead = SEALING[name].make(bytes(SEALING[name].key_bytes))
    room, nonce = bytearray(len(plaintext) + 16), bytes(12)
    aead.encrypt_into(nonce, plaintext, aad, room)
    whole = nonce + aad + bytes(room)
    at %= 8 * len(whole)
    changed = bytearray(whole)
    changed[at // 8] ^= 1 << at % 8
    parts = bytes(changed[:12]), bytes(changed[12 + len(aad) :]), bytes(changed[12 : 12 + len(aad)])
    with pytest.raises(InvalidTag):
        aead.decrypt(*parts)


def test_codes_and_names_are_each_of_one_algorithm() -> None:
    codes = [one.code for one in (*SEALING.values(), *SIGNING.values())]
    assert len(codes) == len(set(codes)) == len(SEALING_BY_CODE) + len(SIGNING)
    assert {name: (one.sealing.name, one.signing.name, one.hashing.name) for name, one in SUITES.items()} == {
        "international": ("AES-256-GCM", "Ed25519", "SHA-256"), "guomi": ("SM4-GCM", "SM2", "SM3"),
    }  # fmt: skip


def der(r: bytes, s: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
