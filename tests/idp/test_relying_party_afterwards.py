"""What the relying party and its issuer say to each other after a login: does it still count, and that it is over."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

import idp.issuer
from crypto.aead import Seal
from idp.errors import IssuerUnavailable, LoginRejected, LogoutRejected
from idp.issuer import Backchannel, Issuer
from idp.relying_party import Completed, RelyingParty
from storage.database import Database
from storage.ephemeral import DatabaseEphemeral
from tests.idp.loopback_issuer import LoopbackIssuer, loopback_issuer
from tests.idp.tokens import ISSUER, NOW, SECONDS, sign

ORIGIN = "http://marriage.localhost:8000"


@dataclass
class City:
    issuer: LoopbackIssuer
    party: RelyingParty

    def id_token(self, **changed: Any) -> str:
        usual = {"iss": ISSUER, "aud": "citygate", "sub": "s-1", "sid": "b-1", "acr": "2", "auth_time": SECONDS - 5}
        usual |= {"iat": SECONDS, "exp": SECONDS + 300}
        return sign({name: value for name, value in (usual | changed).items() if value is not None})

    def answering(self, status: int = 200, **answer: Any) -> None:
        self.issuer.tokens = lambda _form: (status, answer)

    def sign_in(self, **answer: Any) -> Completed:
        begun = self.party.begin(ORIGIN, "/")
        asked = parse_qs(urlsplit(begun.url).query)
        self.answering(id_token=self.id_token(nonce=asked["nonce"][0]), **answer)
        query = urlencode({"state": asked["state"][0], "iss": ISSUER, "code": "c"})
        return self.party.complete(ORIGIN, query, {begun.cookie_name: begun.cookie_value})


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    database = Database(f"sqlite:///{tmp_path / 'city.db'}")
    database.migrate()
    with loopback_issuer(ISSUER) as issuer:
        place = Backchannel(address="127.0.0.1", port=issuer.port)
        yield City(
            issuer,
            RelyingParty(
                Issuer(ISSUER, backchannel=place, monotonic=lambda: 0.0),
                client_id="citygate",
                client_secret="s",
                seal=Seal(b"r" * 32),
                spent=DatabaseEphemeral(database, clock=lambda: NOW),
                clock=lambda: NOW,
            ),
        )
    database.close()


def test_each_refresh_brings_the_token_of_the_next(city: City) -> None:
    held = city.sign_in(refresh_token="r-1").refresh_token
    for number in (2, 3):
        city.answering(id_token=city.id_token(), refresh_token=f"r-{number}")
        held = city.party.refresh(held)
    sent = [form.get("refresh_token") for form in city.issuer.asked]
    assert (sent, city.issuer.asked[-1]["grant_type"]) == ([None, "r-1", "r-2"], "refresh_token")
    city.answering()  # a new ID token and a new refresh token are the issuer's to give or not
    city.party.refresh(city.party.refresh(held))
    assert [form["refresh_token"] for form in city.issuer.asked[-2:]] == ["r-3", "r-3"]


def test_an_issuer_that_gives_no_refresh_token_is_never_asked_with_one(city: City) -> None:
    assert city.sign_in().refresh_token == ""
    assert city.sign_in(refresh_token=7).refresh_token == ""


def test_a_sign_in_that_no_longer_counts_is_not_an_issuer_that_fails(city: City) -> None:
    held = city.sign_in(refresh_token="r-1").refresh_token
    city.answering(400, error="invalid_grant")
    with pytest.raises(LoginRejected):
        city.party.refresh(held)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"error": "invalid_client"}),
        (400, {"error": "invalid_request"}),
        (400, {}),
        (400, {"error": ["invalid_grant"]}),
        (401, {"error": "invalid_grant"}),
        (403, {"error": "invalid_grant"}),
        (429, {}),
        (500, {}),
        (503, {"error": "invalid_grant"}),
        (302, {}),
    ],
    ids=str,
)
def test_only_a_refused_grant_ends_a_session(city: City, status: int, answer: dict[str, Any]) -> None:
    held = city.sign_in(refresh_token="r-1").refresh_token
    city.answering(status, **answer)
    with pytest.raises(IssuerUnavailable):
        city.party.refresh(held)


def test_an_issuer_that_is_slow_is_not_waited_for_as_long_as_at_a_login(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = city.sign_in(refresh_token="r-1").refresh_token
    monkeypatch.setattr(idp.issuer, "REFRESH_SECONDS", 0.1)
    city.issuer.slow_seconds = 1.0
    with pytest.raises(IssuerUnavailable):
        city.party.refresh(held)


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "s-2"},
        {"sid": "b-2"},
        {"sid": None},
        {"nonce": "another"},
        {"aud": "account"},
        {"iss": ISSUER + "/"},
        {"exp": SECONDS - 100},
        {"typ": "Bearer"},
    ],
    ids=str,
)
def test_a_refresh_that_answers_with_another_login_is_refused(city: City, changed: dict[str, Any]) -> None:
    held = city.sign_in(refresh_token="r-1").refresh_token
    city.answering(id_token=city.id_token(**changed), refresh_token="r-2")
    with pytest.raises(LoginRejected):
        city.party.refresh(held)


@pytest.mark.parametrize("id_token", ["", "x", 7, {}, []], ids=str)
def test_a_refresh_that_answers_with_no_token_for_one_is_refused(city: City, id_token: object) -> None:
    held = city.sign_in(refresh_token="r-1").refresh_token
    city.answering(id_token=id_token)
    with pytest.raises(LoginRejected):
        city.party.refresh(held)


def logout_token(city: City, **changed: Any) -> str:
    return city.issuer.logout_token(**{"iat": SECONDS, "exp": SECONDS + 120} | changed)


def test_a_logout_token_counts_once(city: City) -> None:
    token = logout_token(city, sub="s-1", sid="b-1")
    assert city.party.logged_out(token).sid == "b-1"
    with pytest.raises(LogoutRejected):
        city.party.logged_out(token)
    with pytest.raises(LogoutRejected):
        city.party.logged_out(logout_token(city, sid="b-2", jti=json.dumps("x"), exp=SECONDS - 61))
    assert city.party.logged_out(logout_token(city, sid="b-1")).sub == ""


def test_a_refused_logout_token_uses_no_id_up(city: City) -> None:
    with pytest.raises(LogoutRejected):
        city.party.logged_out(logout_token(city, sid="b-1", jti="j", aud="account"))
    assert city.party.logged_out(logout_token(city, sid="b-1", jti="j")).jti == "j"


def test_a_logout_token_cannot_be_judged_without_the_issuers_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'city.db'}")
    database.migrate()
    nobody = Issuer(ISSUER, backchannel=Backchannel(address="127.0.0.1", port=9), monotonic=lambda: 0.0)
    spent = DatabaseEphemeral(database, clock=lambda: NOW)
    party = RelyingParty(
        nobody, client_id="citygate", client_secret="s", seal=Seal(b"r" * 32), spent=spent, clock=lambda: NOW
    )
    with pytest.raises(IssuerUnavailable):
        party.logged_out("a.b.c")
    database.close()
