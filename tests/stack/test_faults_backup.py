"""A backup under way while the processes around it die: whole in the end, or told as what it is, and never half."""

import pytest

from tests.faults.visitor import eventually
from tests.stack.breaking import killed


def begun(city) -> str:
    """A backup that has just begun; the clock may have begun one before."""
    answers: list[dict] = []

    def accepted() -> bool:
        status, told = city.ask("zhou", "POST", "/api/v1/backups")
        assert status in (202, 409), told
        answers.append(told)
        return bool(status == 202)

    eventually(accepted, 120)
    return str(answers[-1]["id"])


def ended(city, identifier: str) -> dict:
    told: list[dict] = []

    def over() -> bool:
        told.append(city.ask("zhou", "GET", f"/api/v1/backups/{identifier}")[1])
        return bool(told[-1]["status"] != "running")

    eventually(over, 120)
    return told[-1]


@pytest.mark.parametrize(("name", "states"), [("clock", {"whole"}), ("control", {"whole", "failed"})])
def test_a_backup_is_whole_or_told_as_interrupted_and_the_next_is_whole(city, name, states) -> None:
    """fault: kill -9 of the clock or of control while a backup is made — with the clock nothing happens to it; with control it is whole or `interrupted`, and the next is whole."""
    identifier = begun(city)
    killed(city, name)
    told = ended(city, identifier)
    assert told["status"] in states, told
    assert told["status"] == "whole" or told["why"] == "interrupted", told
    if told["status"] != "whole":
        assert ended(city, begun(city))["status"] == "whole"
