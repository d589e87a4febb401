"""The issuer's word that a sign-on is over: one good form, and every known way to make another pass for it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
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
from idp.logout_token import EVENT, LoggedOut, verify_logout_token
from idp.token import verify, verify_renewed
from tests.idp.tokens import ISSUER, KEYS, NOW, PRIVATE, SECONDS, b64, sign

STRANGER = ed25519.Ed25519PrivateKey.generate()


def claims(**changed: Any) -> dict[str, Any]:
    usual = {"iss": ISSUER, "aud": "citygate", "sub": "s-1", "sid": "b-1", "jti": "j-1", "typ": "Logout"}
    usual |= {"iat": SECONDS, "exp": SECONDS + 120, "events": {EVENT: {}}}
    return {name: value for name, value in (usual | changed).items() if value is not None}


def logout(header: dict[str, Any] | None = None, *, algorithm: str = "EdDSA", **changed: Any) -> str:
    return sign(claims(**changed), {"typ": "logout+jwt"} | (header or {}), algorithm=algorithm)


def check(token: str, **other: Any) -> LoggedOut:
    return verify_logout_token(token, **{"keys": KEYS, "issuer": ISSUER, "audience": "citygate", "now": NOW} | other)


GOOD = logout()
BODY = json.dumps(claims()).encode()

ATTACKS: dict[str, tuple[type[TokenInvalid], Callable[[], str]]] = {
    "nothing": (TokenMalformed, lambda: ""),
    "two parts": (TokenMalformed, lambda: GOOD.rsplit(".", 1)[0]),
    "a claim twice": (TokenMalformed, lambda: sign(BODY[:-1] + b', "sid": "b-2"}', {"typ": "logout+jwt"})),
    "a megabyte": (TokenMalformed, lambda: logout(jti="x" * 1_000_000)),
    "alg none": (TokenAlgorithmRefused, lambda: logout({"alg": "none"})),
    "alg HS256": (TokenAlgorithmRefused, lambda: logout({"alg": "HS256"})),
    "its own key": (TokenHeaderRefused, lambda: logout({"jwk": {}})),
    "an unknown kid": (TokenKeyUnknown, lambda: logout({"kid": "other"})),
    "a stranger's signature under our kid": (
        TokenSignatureInvalid,
        lambda: jwt.encode(claims(), STRANGER, "EdDSA", headers={"kid": "EdDSA", "typ": "logout+jwt"}),
    ),
    "a changed body": (TokenSignatureInvalid, lambda: f"{GOOD.split('.')[0]}.{b64(b'{}')}.{GOOD.split('.')[2]}"),
    **{
        f"typ {kind!r}": (TokenHeaderRefused, lambda kind=kind: logout({"typ": kind}))
        for kind in ("JWT", "jwt", "at+jwt", "LOGOUT+JWT", "application/logout+jwt", "logout+jwt ", "", None, [])
    },
    "no typ": (TokenHeaderRefused, lambda: sign(claims(), b'{"alg":"EdDSA","kid":"EdDSA"}')),
    **{
        f"Keycloak's {kind}": (TokenHeaderRefused, lambda kind=kind: logout(typ=kind))
        for kind in ("ID", "Bearer", "Refresh", "Offline")
    },
    **{
        f"iss {iss!r}": (TokenIssuerWrong, lambda iss=iss: logout(iss=iss))
        for iss in (None, ISSUER + "/", ISSUER.replace("city", "master"), [ISSUER])
    },
    **{
        f"aud {aud!r}": (TokenAudienceWrong, lambda aud=aud: logout(aud=aud))
        for aud in (None, "account", [], ["account"], {"citygate": 1})
    },
    "another azp": (TokenAudienceWrong, lambda: logout(azp="account")),
    "expired": (TokenTimeWrong, lambda: logout(iat=SECONDS - 200, exp=SECONDS - 60)),
    "of tomorrow": (TokenTimeWrong, lambda: logout(iat=SECONDS + 61, exp=SECONDS + 120)),
    "for a day": (TokenTimeWrong, lambda: logout(exp=SECONDS + 86_400)),
    **{
        f"{name} {value!r}": (TokenClaimsWrong, lambda name=name, value=value: logout(**{name: value}))
        for name in ("iat", "exp")
        for value in (None, "1", True, -1, 1.5, 10**18)
    },
    **{
        f"events {events!r}": (TokenClaimsWrong, lambda events=events: logout(events=events))
        for events in (
            None, {}, [], EVENT, [EVENT], {EVENT: None}, {EVENT: "yes"}, {EVENT: []}, {EVENT: True}, {EVENT + "/": {}},
            {EVENT.replace("http:", "https:"): {}}, {EVENT.upper(): {}},
        )
    },
    "a nonce": (TokenClaimsWrong, lambda: logout(nonce="n-1")),
    "an empty nonce": (TokenClaimsWrong, lambda: logout(nonce="")),
    "nobody": (TokenClaimsWrong, lambda: logout(sub=None, sid=None)),
    **{
        f"{name} {value!r}": (TokenClaimsWrong, lambda name=name, value=value: logout(**{name: value}))
        for name in ("sub", "sid", "jti")
        for value in ("", 7, ["x"], {}, "x" * 256, "a\nb", "é", " ")
    },
    "no jti": (TokenClaimsWrong, lambda: logout(jti=None)),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_refused_by_the_check_that_is_there_for_it(attack: str) -> None:
    error, token = ATTACKS[attack]
    with pytest.raises(TokenInvalid) as refusal:
        check(token())
    assert refusal.type is error


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_good_one_says_whose_sign_on_is_over(algorithm: str) -> None:
    assert check(logout(algorithm=algorithm)) == LoggedOut(iss=ISSUER, sub="s-1", sid="b-1", jti="j-1")


def test_a_sign_on_or_a_person_is_enough_and_the_event_may_say_more() -> None:
    assert check(logout(sub=None)) == LoggedOut(iss=ISSUER, sub="", sid="b-1", jti="j-1")
    assert check(logout(sid=None)) == LoggedOut(iss=ISSUER, sub="s-1", sid="", jti="j-1")
    assert check(logout(typ=None, events={EVENT: {"more": 1}, "other": 2})).sid == "b-1"
    assert check(logout(), now=NOW + timedelta(seconds=179)).sid == "b-1"


def test_no_kind_of_token_passes_for_another() -> None:
    """The confusion that explicit kinds are there against (RFC 8725 §3.11)."""
    login = claims(typ=None, events=None, acr="2", auth_time=SECONDS, nonce="n-1")
    with pytest.raises(TokenHeaderRefused):
        check(sign(login))
    with pytest.raises(TokenHeaderRefused):
        verify(GOOD, keys=KEYS, issuer=ISSUER, audience="citygate", nonce="n-1", now=NOW)


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="utf-8"))
def test_none_with_one_changed_character_passes(place: int, character: str) -> None:
    changed = GOOD[:place] + character + GOOD[place + 1 :]
    if changed != GOOD:
        with pytest.raises(TokenInvalid):
            check(changed)


@given(st.text())
def test_whatever_is_no_token_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(TokenInvalid):
        check(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = st.sampled_from([*claims(), "nonce", "azp", "nbf", "acr"])


@given(st.dictionaries(_MEMBERS, _JSON, max_size=4), st.dictionaries(st.sampled_from(["typ", "crit", "x5u"]), _JSON))
def test_whatever_the_issuer_signs_it_is_a_logout_of_somebody_or_refused(
    changed: dict[str, Any], header: dict[str, Any]
) -> None:
    try:
        said = check(sign(claims() | changed, {"typ": "logout+jwt"} | header))
    except TokenInvalid:
        return
    assert said.jti
    assert said.sub or said.sid
    assert "nonce" not in changed
    assert isinstance((claims() | changed)["events"][EVENT], dict)


def renewed(**changed: Any) -> str:
    usual = claims(typ=None, events=None, jti=None, acr="2")
    return sign({name: value for name, value in (usual | changed).items() if value is not None})


def check_renewed(token: str) -> None:
    verify_renewed(
        token, keys=KEYS, issuer=ISSUER, audience="citygate", sub="s-1", sid="b-1", nonce="n-1", now=NOW
    )  # fmt: skip


@pytest.mark.parametrize("changed", [{}, {"nonce": "n-1"}, {"acr": None}, {"auth_time": SECONDS - 900}], ids=str)
def test_the_id_token_of_a_refresh_is_of_the_same_login(changed: dict[str, Any]) -> None:
    check_renewed(renewed(**changed))


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        (TokenClaimsWrong, {"sub": "s-2"}),
        (TokenClaimsWrong, {"sid": "b-2"}),
        (TokenClaimsWrong, {"sub": None}),
        (TokenClaimsWrong, {"sid": None}),
        (TokenNonceWrong, {"nonce": "n-2"}),
        (TokenNonceWrong, {"nonce": ""}),
        (TokenIssuerWrong, {"iss": ISSUER + "/"}),
        (TokenAudienceWrong, {"aud": "account"}),
        (TokenTimeWrong, {"iat": SECONDS - 200, "exp": SECONDS - 100}),
        (TokenHeaderRefused, {"typ": "Refresh"}),
    ],
    ids=str,
)
def test_a_refresh_that_brings_another_login_is_refused(error: type[TokenInvalid], changed: dict[str, Any]) -> None:
    with pytest.raises(error):
        check_renewed(renewed(**changed))
