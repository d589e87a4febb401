"""What an app signs: OpenSSL's vectors, one spelling of the header, and who is behind a key."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from crypto.aead import Seal
from crypto.errors import SealInvalid
from idp import store
from idp.app_key import (
    NO_BODY,
    AppKeys,
    Claim,
    SignedParts,
    content_digest,
    is_digest,
    parse,
    signature_of,
)
from idp.apps import seal_purpose
from idp.errors import CredentialRejected
from tests.idp.app_header import authorization_of
from tests.idp.people import NOW, CityWithPeople, city_with_people

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/app_key_hmac.json").read_text())
SEAL = Seal(b"k" * 32)
KEY = "01JB3F6Z7Q8R9S0T1V2W3X4Y5Z"


@pytest.mark.parametrize("one", VECTORS)
def test_signatures_and_digests_are_those_of_openssl(one: dict[str, str]) -> None:
    claim = Claim(key=one["key"], time=int(one["time"]), nonce=one["nonce"], signature="")
    digest = content_digest(hashlib.sha256(one["body"].encode()).digest())
    assert digest == one["digest"]
    told = SignedParts(digest=digest, **{name: one[name] for name in ("method", "host", "target", "content_type")})
    signature = signature_of(one["secret"].encode(), claim, told)
    assert signature == one["signature"]
    read = parse(authorization_of(replace(claim, signature=signature)))
    assert read == replace(claim, signature=signature)


def test_no_body_is_the_digest_of_nothing() -> None:
    assert VECTORS[0]["digest"] == NO_BODY
    assert is_digest(NO_BODY)


GOOD = authorization_of(Claim(key=KEY, time=1795000000, nonce="n" * 22, signature="a" * 64))


@pytest.mark.parametrize(
    "header",
    [
        GOOD + " ", " " + GOOD, GOOD + "\n", GOOD.lower(), GOOD.replace(", ", ","), GOOD.replace("key=", "key ="),
        GOOD.replace("n" * 22, "n" * 21), GOOD.replace("n" * 22, "n" * 65), GOOD.replace("n" * 22, "n" * 21 + "é"),
        GOOD.replace("a" * 64, "A" * 64), GOOD.replace("a" * 64, "a" * 63), GOOD.replace("1795000000", "01795000000"),
        GOOD.replace("1795000000", "+179500000"), GOOD.replace("1795000000", "１７９５０００００0"), GOOD.replace("key=0", "key=O"),
        GOOD.replace("Citygate", "citygate"), f"{GOOD}, {GOOD}", GOOD + ", key=" + KEY, GOOD.replace("SHA256", "SM3"),
        GOOD.replace(" key=", "  key="), GOOD.replace(f"key={KEY}, time=1795000000", f"time=1795000000, key={KEY}"), "",
    ],
)  # fmt: skip
def test_the_header_has_one_spelling(header: str) -> None:
    with pytest.raises(CredentialRejected):
        parse(header)


@given(st.text(max_size=300))
def test_whatever_is_no_such_header_is_rejected_alike(header: str) -> None:
    with pytest.raises(CredentialRejected):
        parse(header)


PARTS = st.lists(st.text("ab\n", max_size=3), min_size=5, max_size=5)


@given(PARTS, PARTS)
def test_no_two_requests_have_one_signature(one: list[str], other: list[str]) -> None:
    """A line end in a part would move its border; none of them can hold one at the door (`canonical`)."""
    claim = Claim(key=KEY, time=1795000000, nonce="n" * 22, signature="")
    if any("\n" in value for value in one + other):
        return
    names = ("method", "host", "target", "content_type", "digest")
    pair = [signature_of(b"s", claim, SignedParts(**dict(zip(names, parts, strict=True)))) for parts in (one, other)]
    assert (pair[0] == pair[1]) == (one == other)


@pytest.fixture
def city(database_url: str) -> Iterator[CityWithPeople]:
    with city_with_people(database_url) as made:
        yield made


def put(city: CityWithPeople, **changes: object) -> AppKeys:
    row = {
        "id": f"app:{KEY}", "department": "civil", "name": "核验", "sealed": SEAL.seal(b"s3cret", purpose=seal_purpose(f"app:{KEY}")),
        "created_by": "user:li", "created_at": NOW, "expires_at": NOW + timedelta(days=1), "record": "01A",
    }  # fmt: skip
    with city.database.transaction() as connection:
        connection.execute(sa.insert(store.app).values(row | changes))
    return AppKeys(city.database, SEAL, clock=city.clock)


def test_a_key_speaks_for_its_app_until_it_is_over(city: CityWithPeople) -> None:
    apps = put(city)
    found = apps.find(KEY)
    assert (found.subject, found.name, found.secret) == (f"app:{KEY}", "核验", b"s3cret")
    city.clock.add(days=1)
    with pytest.raises(CredentialRejected):
        apps.find(KEY)


def test_an_ended_or_unknown_key_speaks_for_nobody(city: CityWithPeople) -> None:
    apps = put(city, ended_at=NOW)
    for key in (KEY, "7" * 26):
        with pytest.raises(CredentialRejected):
            apps.find(key)


def test_a_secret_copied_from_another_app_does_not_open(city: CityWithPeople) -> None:
    apps = put(city, sealed=SEAL.seal(b"s3cret", purpose=seal_purpose("app:" + "7" * 26)))
    with pytest.raises(SealInvalid):
        apps.find(KEY)
