"""Every known attack on ID tokens, each answered by the check that is there for it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from idp.errors import (
    TokenAlgorithmRefused,
    TokenAudienceWrong,
    TokenClaimsWrong,
    TokenHeaderRefused,
    TokenInvalid,
    TokenIssuerWrong,
    TokenKeyUnknown,
    TokenMalformed,
    TokenNonceWrong,
    TokenSignatureInvalid,
    TokenTimeWrong,
)
from idp.jws import pin
from idp.token import Claims, verify
from tests.idp.tokens import ISSUER, KEYS, NOW, PRIVATE, SECONDS, b64, jwk, sign


def claims(**changed: Any) -> dict[str, Any]:
    usual = {"iss": ISSUER, "aud": "citygate", "sub": "s-1", "sid": "b-1", "acr": "2", "auth_time": SECONDS - 5}
    usual |= {"iat": SECONDS, "exp": SECONDS + 300, "nonce": "n-1", "name": "李雷"}
    return {name: value for name, value in (usual | changed).items() if value is not None}


def check(token: str, **other: Any) -> Claims:
    return verify(token, **{"keys": KEYS, "issuer": ISSUER, "audience": "citygate", "nonce": "n-1", "now": NOW} | other)


def public_key_encodings() -> dict[str, bytes]:
    public = PRIVATE["RS256"].public_key()
    encoding, layout = serialization.Encoding, serialization.PublicFormat
    spki, pkcs1 = layout.SubjectPublicKeyInfo, layout.PKCS1
    published = jwk("RS256", PRIVATE["RS256"])
    return {
        "PEM": public.public_bytes(encoding.PEM, spki),
        "PEM without its last newline": public.public_bytes(encoding.PEM, spki).strip(),
        "DER": public.public_bytes(encoding.DER, spki),
        "PKCS#1 PEM": public.public_bytes(encoding.PEM, pkcs1),
        "PKCS#1 DER": public.public_bytes(encoding.DER, pkcs1),
        "JWK as JSON": json.dumps(published).encode(),
        "JWK as compact JSON": json.dumps(published, separators=(",", ":")).encode(),
        "the modulus": published["n"].encode(),
        "raw Ed25519 bytes": PRIVATE["EdDSA"].public_key().public_bytes_raw(),
        "an empty key": b"",
    }


def signed_with_the_public_key(secret: bytes, algorithm: str, kid: str) -> str:
    signed = f"{b64(json.dumps({'alg': algorithm, 'kid': kid}).encode())}.{b64(json.dumps(claims()).encode())}"
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), digest).digest())}"


def respelled(token: str, *, part: int) -> str:
    """The same bytes by another last character of this part, of whose bits not all count."""
    parts = token.split(".")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    read = base64.urlsafe_b64decode(parts[part] + "==")
    parts[part] = parts[part][:-1] + digits[digits.index(parts[part][-1]) + 1]
    assert base64.urlsafe_b64decode(parts[part] + "==") == read
    return ".".join(parts)


def tampered(token: str, *, part: int) -> str:
    parts = token.split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    return ".".join(parts)


GOOD = sign(claims())
SPARE_BITS = sign(claims(name="ab"), b'{"alg":"EdDSA","kid":"EdDSA"}  ')
EMBEDDED = jwk("EdDSA", ed25519.Ed25519PrivateKey.generate())
STRANGER = ed25519.Ed25519PrivateKey.generate()
TWICE = json.dumps(claims()).encode()[:-1] + b', "sub": "s-2"}'

ATTACKS: dict[str, tuple[type[TokenInvalid], Callable[[], str]]] = {
    # 1, 2: size, parts, encoding, JSON
    "a megabyte": (TokenMalformed, lambda: sign(claims(name="x" * 1_000_000))),
    "nothing": (TokenMalformed, lambda: ""),
    "two parts": (TokenMalformed, lambda: GOOD.rsplit(".", 1)[0]),
    "four parts": (TokenMalformed, lambda: GOOD + ".x"),
    "five parts, as encrypted tokens have": (TokenMalformed, lambda: GOOD + ".x.y"),
    "no signature": (TokenMalformed, lambda: GOOD.rsplit(".", 1)[0] + "."),
    "padding": (TokenMalformed, lambda: GOOD + "="),
    "the other alphabet": (TokenMalformed, lambda: GOOD[:-3] + "+/A"),
    "a space in front": (TokenMalformed, lambda: " " + GOOD),
    "a newline at the end": (TokenMalformed, lambda: GOOD + "\n"),
    "a header in another spelling": (TokenMalformed, lambda: respelled(SPARE_BITS, part=0)),
    "a body in another spelling": (TokenMalformed, lambda: respelled(SPARE_BITS, part=1)),
    "a signature in another spelling": (TokenMalformed, lambda: respelled(GOOD, part=2)),
    "a body that is said to be no base64url (RFC 7797)": (TokenMalformed, lambda: sign(claims(), {"b64": False})),
    "other than ASCII": (TokenMalformed, lambda: "é" + GOOD),
    "a body that is no object": (TokenMalformed, lambda: sign(b'["iss"]')),
    "a header that is no object": (TokenMalformed, lambda: sign(claims(), b'"EdDSA"')),
    "a body that is no JSON": (TokenMalformed, lambda: sign(b"{")),
    "a body that is not UTF-8": (TokenMalformed, lambda: sign(b'{"sub": "\xff"}')),
    "NaN": (TokenMalformed, lambda: sign(b'{"exp": NaN}')),
    "a claim twice": (TokenMalformed, lambda: sign(TWICE)),
    "alg twice": (TokenMalformed, lambda: sign(claims(), b'{"alg":"none","kid":"EdDSA","alg":"EdDSA"}')),
    "a deep body": (TokenMalformed, lambda: sign(b"[" * 11_000)),
    "a number without end": (TokenMalformed, lambda: sign(b'{"exp": ' + b"9" * 5_000 + b"}")),
    # 3: algorithm
    **{
        f"alg {none!r}": (TokenAlgorithmRefused, lambda none=none: sign(claims(), {"alg": none}))
        for none in ("none", "None", "NONE", "nOnE", "", " none", "none\x00", "ｎｏｎｅ", None, 0, [], ["EdDSA"], {})
    },
    "alg none with an empty signature": (
        TokenMalformed,
        lambda: sign(claims(), {"alg": "none"}).rsplit(".", 1)[0] + ".",
    ),
    "no alg": (TokenAlgorithmRefused, lambda: sign(claims(), b'{"kid":"EdDSA"}')),
    **{
        f"{algorithm} keyed with {name}": (
            TokenAlgorithmRefused,
            lambda secret=secret, algorithm=algorithm: signed_with_the_public_key(secret, algorithm, "RS256"),
        )
        for name, secret in public_key_encodings().items()
        for algorithm in ("HS256", "HS384", "HS512")
    },
    **{
        f"alg {other}": (TokenAlgorithmRefused, lambda other=other: sign(claims(), {"alg": other}))
        for other in ("RS384", "RS512", "PS256", "ES384", "ES512", "ES256K", "eddsa", "Ed25519", "Ed448", "RS1")
    },
    # 4: keys and extensions in the header
    "embedded jwk": (TokenHeaderRefused, lambda: sign(claims(), {"jwk": EMBEDDED})),
    "jku": (TokenHeaderRefused, lambda: sign(claims(), {"jku": ISSUER + "/protocol/openid-connect/certs"})),
    "x5u": (TokenHeaderRefused, lambda: sign(claims(), {"x5u": "http://127.0.0.1/cert"})),
    "x5c": (TokenHeaderRefused, lambda: sign(claims(), {"x5c": ["MIIB"]})),
    "unknown crit": (TokenHeaderRefused, lambda: sign(claims(), {"crit": ["bork"], "bork": 1})),
    "known crit": (TokenHeaderRefused, lambda: sign(claims(), {"crit": ["b64"], "b64": True})),
    "empty crit": (TokenHeaderRefused, lambda: sign(claims(), {"crit": []})),
    # 5: kinds
    **{
        f"typ {kind}": (TokenHeaderRefused, lambda kind=kind: sign(claims(), {"typ": kind}))
        for kind in ("at+jwt", "logout+jwt", "citygate-assertion+jwt", "application/jwt", "", None)
    },
    "Keycloak's access token": (TokenHeaderRefused, lambda: sign(claims(typ="Bearer"))),
    "Keycloak's refresh token": (TokenHeaderRefused, lambda: sign(claims(typ="Refresh"))),
    "Keycloak's logout token": (TokenHeaderRefused, lambda: sign(claims(typ="Logout"))),
    # 6, 7: keys
    "unknown kid": (TokenKeyUnknown, lambda: sign(claims(), {"kid": "other"})),
    "no kid": (TokenKeyUnknown, lambda: sign(claims(), b'{"alg":"EdDSA"}')),
    "a kid that is a path": (TokenKeyUnknown, lambda: sign(claims(), {"kid": "../../dev/null"})),
    "a kid that is no text": (TokenKeyUnknown, lambda: sign(claims(), {"kid": ["EdDSA"]})),
    "the kid of a key of another kind": (TokenAlgorithmRefused, lambda: sign(claims(), {"kid": "RS256"})),
    "the algorithm of another kind of key": (TokenAlgorithmRefused, lambda: sign(claims(), {"alg": "ES256"})),
    "signed by another realm's key under our kid": (
        TokenSignatureInvalid,
        lambda: jwt.encode(claims(), STRANGER, "EdDSA", headers={"kid": "EdDSA"}),
    ),
    "a changed body": (TokenSignatureInvalid, lambda: f"{GOOD.split('.')[0]}.{b64(b'{}')}.{GOOD.split('.')[2]}"),
    "a changed signature": (TokenSignatureInvalid, lambda: tampered(GOOD, part=2)),
    "a short signature": (TokenSignatureInvalid, lambda: GOOD.rsplit(".", 1)[0] + "." + b64(b"short")),
    "a zero signature (CVE-2022-21449)": (
        TokenSignatureInvalid,
        lambda: sign(claims(), algorithm="ES256").rsplit(".", 1)[0] + "." + b64(bytes(64)),
    ),
    # 8: issuer
    **{
        f"iss {iss!r}": (TokenIssuerWrong, lambda iss=iss: sign(claims(iss=iss)))
        for iss in (
            ISSUER + "/",
            ISSUER[:-1],
            ISSUER.upper(),
            ISSUER.replace("city", "town"),
            "http://login.localhost:8000",
            [ISSUER],
            None,
            "",
            ISSUER + "\x00",
            ISSUER.replace("http:", "https:"),
        )
    },
    # 9: audience
    **{
        f"aud {aud!r}": (TokenAudienceWrong, lambda aud=aud: sign(claims(aud=aud)))
        for aud in ("account", "citygate2", "city", "", None, [], ["account"], {"citygate": 1}, 1, [["citygate"]])
    },
    "two audiences without azp": (TokenAudienceWrong, lambda: sign(claims(aud=["citygate", "account"]))),
    "another azp": (TokenAudienceWrong, lambda: sign(claims(azp="account"))),
    "two audiences and another azp": (
        TokenAudienceWrong,
        lambda: sign(claims(aud=["citygate", "account"], azp="account")),
    ),
    # 10: time
    "expired": (TokenTimeWrong, lambda: sign(claims(exp=SECONDS - 60))),
    "issued in the future": (TokenTimeWrong, lambda: sign(claims(iat=SECONDS + 61))),
    "not yet valid": (TokenTimeWrong, lambda: sign(claims(nbf=SECONDS + 61))),
    **{
        f"{name} {value!r}": (TokenClaimsWrong, lambda name=name, value=value: sign(claims(**{name: value})))
        for name in ("exp", "iat", "auth_time")
        for value in (None, "1", True, -1, 1.5, 10**18, [SECONDS])
    },
    "nbf is text": (TokenClaimsWrong, lambda: sign(claims(nbf="now"))),
    # 11: nonce
    **{
        f"nonce {nonce!r}": (TokenNonceWrong, lambda nonce=nonce: sign(claims(nonce=nonce)))
        for nonce in (None, "", "n-2", "N-1", ["n-1"], "n-1 ", "n-1n-1", 1)
    },
    # 12: claims
    **{
        f"{name} {value!r}": (TokenClaimsWrong, lambda name=name, value=value: sign(claims(**{name: value})))
        for name in ("sub", "sid", "acr")
        for value in (None, "", 7, ["x"], "x" * 256, "a\nb", "é", " ")
    },
    "a name with a line break": (TokenClaimsWrong, lambda: sign(claims(name="a\r\nb"))),
    "a name that turns the text around": (TokenClaimsWrong, lambda: sign(claims(name="\u202eil"))),
    "a name that is an object": (TokenClaimsWrong, lambda: sign(claims(name={"x": 1}))),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_refused_by_the_check_that_is_there_for_it(attack: str) -> None:
    error, token = ATTACKS[attack]
    with pytest.raises(TokenInvalid) as refusal:
        check(token())
    assert refusal.type is error


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_good_token_says_who_signed_in(algorithm: str) -> None:
    assert check(sign(claims(), algorithm=algorithm)) == Claims(
        iss=ISSUER,
        sub="s-1",
        sid="b-1",
        acr="2",
        auth_time=NOW - timedelta(seconds=5),
        expires_at=NOW + timedelta(seconds=300),
        name="李雷",
    )


def test_several_audiences_are_good_if_it_was_issued_to_us() -> None:
    assert check(sign(claims(aud=["account", "citygate"], azp="citygate"))).sub == "s-1"


def test_clocks_may_differ_by_less_than_a_minute() -> None:
    assert check(sign(claims(exp=SECONDS - 59))).sub == "s-1"
    assert check(sign(claims(iat=SECONDS + 60, nbf=SECONDS + 60))).sub == "s-1"


def test_an_issuer_may_be_held_to_fewer_algorithms_but_not_to_others() -> None:
    with pytest.raises(TokenAlgorithmRefused):
        check(GOOD, algorithms=frozenset({"ES256"}))
    with pytest.raises(TokenAlgorithmRefused):
        check(signed_with_the_public_key(b"", "HS256", "RS256"), algorithms=frozenset({"HS256", "none"}))


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="utf-8"))
def test_no_token_with_one_changed_character_passes(place: int, character: str) -> None:
    changed = GOOD[:place] + character + GOOD[place + 1 :]
    if changed != GOOD:
        with pytest.raises(TokenInvalid):
            check(changed)


@given(st.integers(0, len(GOOD) - 1))
def test_no_truncated_token_passes(length: int) -> None:
    with pytest.raises(TokenInvalid):
        check(GOOD[:length])


@given(st.text())
def test_whatever_is_no_token_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(TokenInvalid):
        check(text)


UNUSABLE = {
    "symmetric": {"kty": "oct", "k": "AAAA", "kid": "k"},
    "for encryption": jwk("RS256", PRIVATE["RS256"], use="enc"),
    "for another algorithm": jwk("RS256", PRIVATE["RS256"], alg="RSA-OAEP"),
    "a weak RSA key": jwk("RS256", rsa.generate_private_key(65537, 1024)),
    "another curve": jwk("ES384", ec.generate_private_key(ec.SECP384R1())),
    "not on its curve": jwk("ES256", PRIVATE["ES256"], x=b64(bytes(32))),
    "without an id": {name: value for name, value in jwk("ES256", PRIVATE["ES256"]).items() if name != "kid"},
    "of a kind that is no text": {"kty": ["RSA"], "crv": {}, "kid": "k"},
    "no object": "key",
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_keys_that_may_not_sign_are_left_out(kind: str) -> None:
    assert pin({"keys": [UNUSABLE[kind], jwk("EdDSA", PRIVATE["EdDSA"])]}).keys() == {"EdDSA"}


@pytest.mark.parametrize(
    "jwks", [None, [], {}, {"keys": {}}, {"keys": [jwk("ES256", PRIVATE["ES256"])] * 2}], ids=range(5)
)
def test_a_set_with_two_readings_is_no_key_set(jwks: object) -> None:
    with pytest.raises(TokenMalformed):
        pin(jwks)
