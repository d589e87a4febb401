"""`bench decisions` at a small size: every answer compared, none wrong, and the figures a reader is promised."""

from random import Random

import pytest

from loadtests import decisions

RATIOS = {"growth_100k", "growth_100k_cold", "vs_pycasbin_1k"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cities of the same two names and shapes, a hundred times smaller."""
    whole = decisions.city

    def smaller(random: Random, *, rules: int, departments: int) -> decisions.SeededLaw:
        return whole(random, rules=rules // 100 + 100, departments=departments // 50 + 2)

    monkeypatch.setattr(decisions, "city", smaller)
    for name, count in {"REQUESTS": 400, "COMPARED": 200, "WARM": 100, "ROUNDS": 2}.items():
        monkeypatch.setattr(decisions, name, count)


def test_every_answer_is_compared_and_none_is_wrong(small) -> None:
    seen = decisions.measure()
    assert seen["compared"] == sum(seen["compared_with"].values()) == 400
    assert seen["mismatches"] == 0
    assert set(seen["ratios"]) == RATIOS
    assert all(ratio > 0 for ratio in seen["ratios"].values())
    assert all(0 < share < 1 for share in seen["permitted"].values())


def test_a_wrong_answer_is_counted_and_fails_the_command(small, monkeypatch, capsys) -> None:
    right = decisions.brute_force.answer
    monkeypatch.setattr(decisions.brute_force, "answer", lambda *asked: right(*asked) + "-not")
    assert decisions.main(json=False) == 1
    assert "400 decisions compared, 200 wrong" in capsys.readouterr().out
