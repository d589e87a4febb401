"""Several gateways behind the shipped data plane: whoever refused tells it, and a dead one costs nobody an answer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.behind_nginx import CONSOLE, INLINE, City, running
from tests.gateway.raw_socket import status

ROUNDS = 8


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running(tmp_path, gateways=2) as ready:
        yield ready


def shares(city: City) -> list[int]:
    """How many requests each gateway was handed, questions and inline ones."""
    return [len(one.questions) + len(one.inline) for one in city.gateways]


async def test_a_refusal_is_told_by_the_gateway_that_made_it(city: City) -> None:
    for number in range(ROUNDS):
        answer = await city.ask(f"POST /secret/{number}", "Content-Length: 4", body=b"form")
        assert status(answer) == 429, answer
    for one in city.gateways:
        assert [target for target, _ in one.questions] == [b"/auth", b"/refusal"] * (ROUNDS // 2)
    assert not city.portal


async def test_a_refusal_is_told_by_its_gateway_also_after_a_dead_one_was_asked(city: City) -> None:
    await city.gateways[0].kill()
    for number in range(ROUNDS):
        answer = await city.ask(f"POST /secret/{number}", "Content-Length: 4", body=b"form")
        assert answer.endswith(f"POST /secret/{number} gateway-2 form".encode()), answer


@pytest.mark.parametrize("host", [INLINE, "portal.localhost"])
async def test_one_of_two_gateways_killed_costs_nobody_an_answer(city: City, host: str) -> None:
    for method in ("GET", "POST", "DELETE", "PUT") * 2:
        assert status(await city.ask(f"{method} /x", "Content-Length: 0", host=host)) == 200
    assert min(shares(city)) >= ROUNDS // 2
    await city.gateways[1].kill()
    before = shares(city)
    for method in ("GET", "POST", "DELETE", "PUT") * 2:
        assert status(await city.ask(f"{method} /x", "Content-Length: 3", host=host, body=b"abc")) == 200
    assert [now - then for now, then in zip(shares(city), before, strict=True)] == [ROUNDS, 0]
    assert len(city.portal) in (0, 2 * ROUNDS)


async def test_a_gateway_that_comes_back_is_asked_again_at_once(city: City, tmp_path: Path) -> None:
    await city.gateways[0].kill()
    for _ in range(ROUNDS):
        assert status(await city.ask("GET /x", host=INLINE)) == 200
    city.gateways[0].down.clear()
    city.gateways[0].listen(tmp_path / "run" / "gateway-1")
    for _ in range(ROUNDS):
        assert status(await city.ask("GET /x", host=INLINE)) == 200
    assert shares(city) == [ROUNDS // 2, ROUNDS + ROUNDS // 2]


def visitor(number: int) -> str:
    return f"Cookie: theirs=1; __Host-citygate={number:043d}; more=2"


async def visits(city: City, host: str, *, visitors: int = 12) -> list[list[int]]:
    """For each visitor, how many of her requests each gateway was handed."""
    seen = []
    for number in range(visitors):
        before = shares(city)
        for _ in range(3):
            assert status(await city.ask("GET /x", visitor(number), host=host)) == 200
        seen.append([now - then for now, then in zip(shares(city), before, strict=True)])
    return seen


@pytest.mark.parametrize("host", [INLINE, "portal.localhost"])
async def test_a_visitor_meets_one_gateway_and_another_while_that_one_is_dead(
    city: City, host: str, tmp_path: Path
) -> None:
    met = await visits(city, host)
    assert {tuple(one) for one in met} == {(3, 0), (0, 3)}, "each visitor one, and not all the same"
    await city.gateways[0].kill()
    assert await visits(city, host) == [[0, 3]] * len(met)
    city.gateways[0].down.clear()
    city.gateways[0].listen(tmp_path / "run" / "gateway-1")
    assert await visits(city, host) == met


@pytest.mark.parametrize(
    "cookies",
    [
        "",
        "Cookie: theirs=1",
        "Cookie: __Host-citygate=x",
        f"Cookie: x__Host-citygate={'A' * 43}",
        "Authorization: Bearer x",
    ],
)
async def test_who_brings_no_cookie_of_ours_goes_to_each_in_turn(city: City, cookies: str) -> None:
    for _ in range(ROUNDS):
        assert status(await city.ask("GET /x", *filter(None, [cookies]), host=INLINE)) == 200
    assert shares(city) == [ROUNDS // 2] * 2


async def test_a_visitors_refusal_is_told_by_the_gateway_that_made_it(city: City) -> None:
    for number in range(12):
        answer = await city.ask(f"POST /secret/{number}", visitor(number), "Content-Length: 4", body=b"form")
        assert status(answer) == 429, answer
    assert min(shares(city)) > 0
    for one in city.gateways:
        assert [target for target, _ in one.questions] == [b"/auth", b"/refusal"] * (len(one.questions) // 2)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_write_that_died_with_its_gateway_is_not_delivered_to_the_next(city: City, method: str) -> None:
    for number in range(ROUNDS):
        answer = await city.ask(f"{method} /die/{number}", "Content-Length: 3", host=INLINE, body=b"abc")
        assert status(answer) == 503
    assert sorted(inbound.path for inbound, _ in city.inline) == sorted(f"/die/{number}" for number in range(ROUNDS))


async def test_a_question_that_died_with_its_gateway_is_asked_of_the_next(city: City) -> None:
    for number in range(ROUNDS):
        assert status(await city.ask(f"POST /perish/{number}", "Content-Length: 3", body=b"abc")) == 200
    assert len(city.portal) == ROUNDS
    assert min(shares(city)) >= ROUNDS // 2


async def test_without_any_gateway_nothing_is_delivered_and_the_desks_stay(city: City) -> None:
    for one in city.gateways:
        await one.kill()
    assert status(await city.ask("GET /x")) == 503
    assert status(await city.ask("GET /x", host=INLINE)) == 503
    assert (await city.ask("GET /", host=CONSOLE)).endswith(b"control")
    assert not city.portal
