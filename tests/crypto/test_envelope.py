"""The envelope: its documented layout, and one answer for whatever is wrong with it."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.algorithms import AES_256_GCM, SEALING, SM4_GCM
from crypto.envelope import HEADER_BYTES, Kek, header_of
from crypto.errors import SealInvalid

KEY = "01J" + "0" * 23
KEKS = {name: Kek(KEY, 1, one, bytes(range(one.key_bytes))) for name, one in SEALING.items()}


def test_an_envelope_opens_by_the_documented_layout() -> None:
    sealed = Kek(KEY, 7, AES_256_GCM, bytes(range(32))).seal(b"secret", context=b"file 17")
    header, wrapped, rest = sealed[:32], sealed[32:92], sealed[92:]
    assert header == b"\x02\x01" + KEY.encode() + (7).to_bytes(4, "big")
    dek = AESGCM(bytes(range(32))).decrypt(wrapped[:12], wrapped[12:], header)
    assert AESGCM(dek).decrypt(rest[:12], rest[12:], header + wrapped + b"file 17") == b"secret"
    assert (header_of(sealed).key, header_of(sealed).version, header_of(sealed).algorithm) == (KEY, 7, AES_256_GCM)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(KEKS)), st.binary(max_size=300), st.binary(max_size=40))
def test_what_is_sealed_opens_for_its_context(name: str, plaintext: bytes, context: bytes) -> None:
    assert KEKS[name].open(KEKS[name].seal(plaintext, context=context), context=context) == plaintext


@pytest.mark.parametrize("size", [(1 << 16) - 1, 1 << 16, (1 << 16) + 1])
@pytest.mark.parametrize("name", sorted(KEKS))
def test_what_is_large_is_sealed_in_its_place_by_the_same_layout(name: str, size: int) -> None:
    kek, plaintext = KEKS[name], bytes(range(256)) * 257
    sealed = kek.seal(plaintext[:size], context=b"file 17")
    assert (type(sealed), len(sealed) - size) == (bytes, len(kek.seal(b"", context=b"file 17")))
    assert kek.open(sealed, context=b"file 17") == plaintext[:size]
    with pytest.raises(SealInvalid):
        kek.open(sealed, context=b"file 18")


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(KEKS)), st.binary(max_size=60), st.binary(max_size=9), st.integers(0), st.booleans())
def test_no_changed_bit_and_no_cut_opens(name: str, plaintext: bytes, context: bytes, at: int, cut: bool) -> None:
    sealed = KEKS[name].seal(plaintext, context=context)
    changed = bytearray(sealed)
    changed[at // 8 % len(sealed)] ^= 1 << at % 8
    broken = sealed[: at % len(sealed)] if cut else bytes(changed)
    with pytest.raises(SealInvalid):
        KEKS[name].open(broken, context=context)


def test_everything_that_is_wrong_is_told_the_same() -> None:
    kek = KEKS["AES-256-GCM"]
    sealed = kek.seal(b"secret", context=b"c")
    other = {
        "context": (kek, sealed, b"d"), "context moved into the text": (kek, kek.seal(b"xc", context=b""), b"c"),
        "another version": (Kek(KEY, 2, AES_256_GCM, bytes(range(32))), sealed, b"c"),
        "another key": (Kek("01K" + "0" * 23, 1, AES_256_GCM, bytes(range(32))), sealed, b"c"),
        "other material": (Kek(KEY, 1, AES_256_GCM, bytes(32)), sealed, b"c"),
        "another algorithm": (KEKS["SM4-GCM"], sealed, b"c"), "nothing": (kek, b"", b"c"),
        "a tag cut short": (kek, sealed[:-1], b"c"),
        "the wrapped key of another": (kek, sealed[:32] + kek.seal(b"secret", context=b"c")[32:92] + sealed[92:], b"c"),
    }  # fmt: skip
    told = set()
    for name, (key, value, context) in other.items():
        with pytest.raises(SealInvalid) as refused:
            pytest.fail(f"{name}: {key.open(value, context=context)!r}")
        told.add(str(refused.value))
    assert told == {"sealed value does not open"}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x01" * 32,
        b"\x03\x01" + KEY.encode() + bytes(4),
        b"\x02\x09" + KEY.encode() + bytes(4),
        b"\x02\x01" + b"\xff" * 26 + bytes(4),
    ],
)
def test_what_is_no_header_is_refused(head: bytes) -> None:
    with pytest.raises(SealInvalid):
        header_of(head)


def test_no_nonce_no_key_is_used_twice() -> None:
    kek = KEKS["SM4-GCM"]
    sealed = [kek.seal(b"same", context=b"") for _ in range(2000)]
    assert len({one[HEADER_BYTES : HEADER_BYTES + 12] for one in sealed}) == 2000
    assert len({one[-32:-20] for one in sealed}) == len({one[44:76] for one in sealed}) == 2000


@pytest.mark.parametrize(("key", "size"), [(KEY, 15), (KEY, 32), ("short", 16)])
def test_a_key_of_another_size_is_refused(key: str, size: int) -> None:
    with pytest.raises(ValueError):
        Kek(key, 1, SM4_GCM, bytes(size))
