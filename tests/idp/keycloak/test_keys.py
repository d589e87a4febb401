"""Keycloak's signing keys as the door sees them: rotation is followed, unknown key ids cost nothing, silence is bounded."""

import secrets
from collections.abc import Iterator

import pytest

from idp.issuer import COOL_DOWN_SECONDS
from idp.keycloak.admin import Admin
from idp.keycloak.realm import REALM
from tests.idp.keycloak.test_signin import complete
from tests.stack.keycloak import LiveKeycloak


class Monotonic:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def rotated(live_keycloak: LiveKeycloak) -> Iterator[None]:
    """Afterwards the keys of before sign again."""
    yield
    for one in live_keycloak.admin.get(f"{REALM}/components", type="org.keycloak.keys.KeyProvider"):
        if one["name"].startswith("new-"):
            live_keycloak.admin.delete(f"{REALM}/components/{one['id']}")


def rotate(admin: Admin) -> None:
    """A new active key, as an administrator makes it; the old one still verifies."""
    config = {"priority": ["1000"], "enabled": ["true"], "active": ["true"]}
    body = {"name": f"new-{secrets.token_hex(3)}", "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider", "config": config}  # fmt: skip
    admin.post(f"{REALM}/components", body)


@pytest.mark.usefixtures("rotated")
def test_a_new_signing_key_is_followed_and_the_old_ones_still_count(live_keycloak: LiveKeycloak) -> None:
    clock = Monotonic()
    issuer = live_keycloak.issuer(monotonic=clock)
    party = live_keycloak.party(issuer)
    complete(live_keycloak, live_keycloak.somebody(), party=party)
    before = set(issuer.keys())
    rotate(live_keycloak.admin)
    clock.seconds += COOL_DOWN_SECONDS
    complete(live_keycloak, live_keycloak.somebody(), party=party)
    after = set(issuer.keys())
    assert before < after
    assert len(after - before) == 1


def test_a_flood_of_unknown_key_ids_asks_once_per_cool_down(
    live_keycloak: LiveKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Monotonic()
    issuer = live_keycloak.issuer(monotonic=clock)
    issuer.keys()
    asked: list[str] = []
    call = issuer._call
    monkeypatch.setattr(issuer, "_call", lambda *of, **more: asked.append(of[1]) or call(*of, **more))
    for _ in range(3):
        clock.seconds += COOL_DOWN_SECONDS
        for _ in range(1000):
            issuer.keys(kid=secrets.token_urlsafe(8))
    assert len(asked) == 3 * 2  # discovery and keys, three times
