"""The issuer signs somebody out: at the door, over HTTP, with the issuer's real signature."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from city.settings import Settings
from console.signin.routes import BACKCHANNEL_LOGOUT_PATH
from gateway.limit import PER_NETWORK
from tests.founded_city import Answer, CityDoor, open_founded_city
from tests.idp.loopback_issuer import LoopbackIssuer, loopback_issuer

URL = Settings().issuer


@pytest.fixture(scope="module")
def issuer() -> Iterator[LoopbackIssuer]:
    with loopback_issuer(URL) as ready:
        yield ready


@pytest.fixture(scope="module")
def door(founded: Path, issuer: LoopbackIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    with open_founded_city(founded, tmp_path_factory.mktemp("city") / "city", issuer_port=issuer.port) as ready:
        yield ready


def say(door: CityDoor, token: str, **more: Any) -> Answer:
    return door.ask("POST", BACKCHANNEL_LOGOUT_PATH, form={"logout_token": token} | more)


def is_in(door: CityDoor, cookie: str) -> bool:
    return door.ask("GET", "/api/v1/sessions", cookie=cookie).status == 200


def test_a_sign_on_that_is_over_there_is_over_here_when_it_is_answered(door: CityDoor, issuer: LoopbackIssuer) -> None:
    hers = [door.sign_in("wang", sid="sid-1", iss=URL) for _ in range(2)]
    other = door.sign_in("wang", sid="sid-2", iss=URL)
    assert all(is_in(door, cookie) for cookie in (*hers, other))
    answer = say(door, issuer.logout_token(sid="sid-1", sub="wang"))
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert [is_in(door, cookie) for cookie in (*hers, other)] == [False, False, True]


def test_a_person_is_signed_out_altogether(door: CityDoor, issuer: LoopbackIssuer) -> None:
    hers = [door.sign_in("sun", sid=f"sun-{number}", iss=URL) for number in range(2)]
    other = door.sign_in("he", sid="he-1", iss=URL)
    with door.city.stores.database.transaction() as connection:
        sub = connection.exec_driver_sql("SELECT sub FROM person WHERE login = 'sun'").scalar_one()
    assert say(door, issuer.logout_token(sub=sub)).status == 200
    assert [is_in(door, cookie) for cookie in (*hers, other)] == [False, False, True]


def test_who_is_not_signed_in_here_is_signed_out_as_well(door: CityDoor, issuer: LoopbackIssuer) -> None:
    assert say(door, issuer.logout_token(sid="nobodys")).status == 200
    assert say(door, issuer.logout_token(sub="a stranger".replace(" ", "-"))).status == 200


def test_what_was_ended_and_by_whom_is_recorded(door: CityDoor, issuer: LoopbackIssuer) -> None:
    door.sign_in("wu", sid="wu-1", iss=URL)
    say(door, issuer.logout_token(sid="wu-1"))
    asked, came = [event for event in door.records() if event.action == "sign-on:end"][-2:]
    assert (asked.id, asked.subject, asked.result, asked.object) == (
        came.id, "anonymous", "permit", f"/console{BACKCHANNEL_LOGOUT_PATH}",
    )  # fmt: skip
    assert (came.status, came.detail["ended"]) == (200, 1)
    with door.city.stores.database.transaction() as connection:
        record = connection.exec_driver_sql("SELECT end_record FROM session WHERE sid = 'wu-1'").scalar_one()
    assert record == asked.id


def test_what_is_no_logout_token_of_the_issuer_signs_nobody_out(door: CityDoor, issuer: LoopbackIssuer) -> None:
    hers = door.sign_in("zhou", sid="zhou-1", iss=URL)
    good = issuer.logout_token(sid="zhou-1")
    for token in (
        "", "x", good[:-2], good + "A", issuer.logout_token(sid="zhou-1", aud="account"),
        issuer.logout_token(sid="zhou-1", header={"typ": "JWT"}), issuer.logout_token(sid="zhou-1", nonce="n"),
        issuer.logout_token(sid="zhou-1", header={"kid": "theirs"}), issuer.logout_token(),
    ):  # fmt: skip
        answer = say(door, token)
        assert (answer.status, answer.json["code"], answer.headers["cache-control"]) == (
            400, "logout-rejected", "no-store",
        )  # fmt: skip
    assert door.ask("POST", BACKCHANNEL_LOGOUT_PATH, json={"logout_token": good}).status == 400
    assert door.ask("GET", f"{BACKCHANNEL_LOGOUT_PATH}?logout_token={good}").status == 405
    assert is_in(door, hers)


def test_a_token_that_was_used_signs_nobody_out_again(door: CityDoor, issuer: LoopbackIssuer) -> None:
    token = issuer.logout_token(sid="zheng-1")
    assert say(door, token).status == 200
    hers = door.sign_in("zheng", sid="zheng-1", iss=URL)
    assert say(door, token).status == 400
    assert is_in(door, hers)


def test_it_is_the_issuers_and_on_one_host_only(door: CityDoor, issuer: LoopbackIssuer) -> None:
    token = issuer.logout_token(sid="x")
    assert door.ask("POST", BACKCHANNEL_LOGOUT_PATH, form={"logout_token": token}, host="localhost").status == 404


def test_one_network_asks_as_seldom_as_it_may_try_passwords(door: CityDoor, issuer: LoopbackIssuer) -> None:
    statuses = [say(door, "x").status for _ in range(PER_NETWORK["sign-on:end"] + 1)]
    assert statuses[-1] == 429
    assert is_in(door, door.sign_in("wang", sid="sid-9", iss=URL))
