"""Keys are published before they sign and kept until what they signed is over."""

from pathlib import Path

import pytest

from crypto.aead import Seal
from issuer.issuer_file import IssuerFile
from issuer.signing_keys import KEPT_AFTER, PUBLISHED_AHEAD, ROTATED_AFTER, SCHEMA, SigningKeys
from tests.issuer.live import Clock


@pytest.fixture
def keys(tmp_path: Path, clock: Clock) -> SigningKeys:
    return SigningKeys(IssuerFile(tmp_path / "issuer.db", SCHEMA), Seal(b"k" * 32), clock)


def published(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in keys.public_jwks()["keys"]]


def test_the_first_key_is_there_when_it_is_asked_for(keys: SigningKeys) -> None:
    assert published(keys) == [keys.current().kid]


def test_only_public_halves_are_published(keys: SigningKeys) -> None:
    (key,) = keys.public_jwks()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_new_key_is_published_before_it_signs(keys: SigningKeys, clock: Clock) -> None:
    old = keys.current().kid
    new = keys.rotate()
    assert set(published(keys)) == {old, new}
    assert keys.current().kid == old
    clock.now += PUBLISHED_AHEAD
    assert keys.current().kid == new
    assert set(published(keys)) == {old, new}


def test_an_old_key_goes_when_its_time_is_over(keys: SigningKeys, clock: Clock) -> None:
    old = keys.current().kid
    new = keys.rotate()
    clock.now += PUBLISHED_AHEAD + KEPT_AFTER
    assert published(keys) == [new]
    assert old != new


def test_rotating_twice_at_once_makes_one_key(keys: SigningKeys) -> None:
    keys.current()
    assert keys.rotate() == keys.rotate()


def test_keys_rotate_by_age(keys: SigningKeys, clock: Clock) -> None:
    old = keys.current().kid
    clock.now += ROTATED_AFTER
    assert keys.current().kid == old
    clock.now += PUBLISHED_AHEAD
    assert keys.current().kid != old


def test_private_halves_are_sealed_in_the_file(tmp_path: Path, keys: SigningKeys, clock: Clock) -> None:
    private = keys.current().as_dict(private=True)["d"]
    assert private.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    again = SigningKeys(IssuerFile(tmp_path / "issuer.db", SCHEMA), Seal(b"k" * 32), clock)
    assert again.current().as_dict(private=True)["d"] == private
