"""A sign-in page is not to be had past the door."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from crypto.sign import SigningKey
from issuer.through_the_door import only_through_the_door

NOW = datetime(2026, 11, 22, tzinfo=UTC)
AUTH = "/realms/city/protocol/openid-connect/auth"
SEED, OTHER = b"1" * 32, b"2" * 32


@pytest.fixture
def app() -> Flask:
    app = Flask("issuer")
    app.add_url_rule("/<path:rest>", "any", lambda rest: rest, methods=["GET", "POST"])
    only_through_the_door(app, SigningKey(SEED).public, audience="login", clock=lambda: NOW)
    return app


def assertion(seed: bytes = SEED, **changes: Any) -> str:
    issued = int(NOW.timestamp())
    claims = {"aud": "login", "iat": issued, "exp": issued + 60, "jti": "01J", "htm": "GET", "htu": f"{AUTH}?a=1"}
    return jwt.encode(claims | changes, Ed25519PrivateKey.from_private_bytes(seed), algorithm="EdDSA")


def ask(app: Flask, header: str | None, path: str = f"{AUTH}?a=1", method: str = "GET") -> int:
    headers = {"X-Citygate-Assertion": header} if header is not None else {}
    return app.test_client().open(path, method=method, headers=headers).status_code


def test_the_door_may_and_the_back_channel_needs_no_assertion(app: Flask) -> None:
    assert ask(app, assertion()) == 200
    assert ask(app, None, "/realms/city/protocol/openid-connect/certs") == 200


@pytest.mark.parametrize(
    "header",
    [
        None, "", "x.y.z", assertion(OTHER), assertion(aud="marriage"), assertion(htm="POST"), assertion(htu=AUTH),
        assertion(exp=int((NOW - timedelta(seconds=6)).timestamp())), jwt.encode({"aud": "login"}, "", algorithm="none"),
    ],
)  # fmt: skip
def test_whoever_comes_past_the_door_is_refused(app: Flask, header: str | None) -> None:
    assert ask(app, header) == 403


def test_an_assertion_is_for_one_method_and_one_target(app: Flask) -> None:
    assert ask(app, assertion(), f"{AUTH}?a=2") == 403
    assert ask(app, assertion(), method="POST") == 403
