"""`bench backup` with a little data: what came back is counted."""

import pytest

from loadtests import backup
from tests.needs import need


@pytest.mark.parametrize("profile", ["embedded", "stack"])
def test_what_was_measured_came_back(monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    if profile == "stack":
        need("pgbackrest", "pg_ctlcluster")
    monkeypatch.setattr(backup, "MEGABYTES", 16)
    monkeypatch.setattr(backup, "ROUNDS", 1)
    seen = backup.measure(profile)
    assert seen["ok"]
    assert seen["bare_s"] > 0 < seen["ours_s"]
