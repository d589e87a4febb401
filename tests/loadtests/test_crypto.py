"""`bench crypto` for an instant: every answer is compared, and a wrong one fails the command."""

import pytest

from crypto.envelope import Kek
from loadtests import crypto


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ROUNDS": 1, "ROUND_SECONDS": 0.001, "SIZES": {"1KB": 64, "1MB": 2048}}.items():
        monkeypatch.setattr(crypto, name, value)


def test_it_prints_every_ratio_and_no_answer_is_wrong(short) -> None:
    seen = crypto.measure()
    assert seen["wrong"] == 0
    assert set(seen["ratios"]) == {
        "envelope_seal_1KB_times_bare", "envelope_open_1KB_times_bare", "envelope_seal_1MB_of_bare",
        "envelope_open_1MB_of_bare", "sm4_1KB_of_pyca", "sm4_1MB_of_pyca",
    }  # fmt: skip
    assert all(ratio > 0 for ratio in seen["ratios"].values())


def test_a_wrong_answer_fails_the_command(short, monkeypatch, capsys) -> None:
    monkeypatch.setattr(Kek, "open", lambda self, sealed, context: b"another")
    assert crypto.main(json=False) == 1
    assert "envelope 1KB" in capsys.readouterr().out
