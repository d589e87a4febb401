"""`bench revocation` on a small stack: each session has its control, and what a late permit would do to the figures."""

from collections import Counter

import pytest

from loadtests import revocation
from loadtests.filling import CitySize
from loadtests.revocation import Watched, figures
from tests.needs import need

FEW = 6


def test_nothing_begun_after_the_receipt_is_allowed_at_any_gateway_with_redis_or_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need("nginx", "wrk", "redis-server")
    monkeypatch.setattr(revocation, "SIZE", CitySize(rules=400, departments=4, sessions=80, routes=8, revocable=FEW))
    seen = revocation.measure("stack")
    assert seen["n"] == FEW
    assert {name: each["n"] for name, each in seen["disturbed"].items()} == {"none": FEW // 2, "redis_paused": FEW // 2}
    assert seen["allowed_after_answer"] == seen["without_control"] == 0
    assert seen["ms"]["median"] >= 0
    assert seen["ms"]["max"] <= seen["answer_ms"]["max"]
    assert seen["statuses"]["200"] > 0 < seen["statuses"]["401"]
    assert seen["end_statuses"]["200"] == FEW
    assert seen["ok"]


def _watched(person: str, *, allowed: list[float], refused: list[float]) -> Watched:
    return Watched(
        person=person, asked_at=10.0, answered_at=10.5, end_statuses=[200], allowed=allowed, refused=refused,
        statuses=Counter({"200": len(allowed), "401": len(refused)}),
    )  # fmt: skip


def test_the_time_runs_from_the_row_to_the_start_of_the_last_allowed_request() -> None:
    quick = _watched("a", allowed=[9.9, 10.05], refused=[10.2])
    slow = _watched("b", allowed=[9.9, 10.3], refused=[10.4])
    told = figures([quick, slow], {"a": 10.1, "b": 10.1})
    assert told["ms"]["max"] == pytest.approx(200)
    assert told["ms"]["median"] == pytest.approx(100)
    assert (told["n"], told["allowed_after_answer"], told["without_control"]) == (2, 0, 0)


def test_a_request_begun_after_the_receipt_and_allowed_is_counted() -> None:
    told = figures([_watched("a", allowed=[9.9, 10.6], refused=[10.7])], {"a": 10.1})
    assert told["allowed_after_answer"] == 1


@pytest.mark.parametrize(("allowed", "refused"), [([], [10.6]), ([9.9], [])])
def test_a_session_without_both_answers_proves_nothing(allowed, refused) -> None:
    assert figures([_watched("a", allowed=allowed, refused=refused)], {"a": 10.1})["without_control"] == 1
