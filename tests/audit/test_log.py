"""The log as its readers ask it, while the sequencer goes on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from audit import index as indexes
from audit.event import EventKind
from audit.log import Log
from audit.search import Reader
from audit.verify import _Verification
from city.identifiers import mint
from storage.witness import Row
from tests.audit.city import KEY, ORIGIN, City, event

DIGEST = "a" * 32
LOOKS = {
    name: getattr(indexes, name) for name in ("damages", "outside", "read_rows", "covered_size", "find_hidden_leaves")
}


def test_a_log_that_grows_while_it_is_verified_is_intact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two looks at the index, and before the checkpoint is read, the log and the index go on."""
    city, numbers = City(tmp_path), count()

    def grow() -> None:
        with monkeypatch.context() as usual:
            for name, function in LOOKS.items():
                usual.setattr(indexes, name, function)
            city.write(event(next(numbers)))
            city.integrate()
            city.refresh()

    def grown(function: Any) -> Any:
        return lambda *given: (grow(), function(*given))[1]

    grow()
    for name, function in LOOKS.items():
        monkeypatch.setattr(indexes, name, grown(function))
    monkeypatch.setattr(_Verification, "read_checkpoint", grown(_Verification.read_checkpoint))
    assert city.verify().findings == ()
    assert next(numbers) > len(LOOKS)


@dataclass
class OvertakenReader:
    """What is written arrives right after the checkpoint was read by which all is proven."""

    city: City
    arrives: Any

    def __call__(self, *given: Any, **named: Any) -> Reader:
        reader = Reader(*given, **named)
        self.city.write(self.arrives)
        self.city.integrate()
        self.city.refresh()
        return reader


def test_an_act_that_speaks_while_its_rows_are_judged_is_still_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city, record, now = City(tmp_path), mint(), datetime.now(UTC)
    city.write(event(id=record, action="role:assign"))
    city.integrate()
    city.refresh()
    said = event(id=record, action="role:assign", kind=EventKind.OUTCOME, detail={"assignment 1": DIGEST})
    monkeypatch.setattr("audit.log.Reader", OvertakenReader(city, said))
    log = Log(folder=tmp_path, key=KEY.public, origin=ORIGIN)
    row = Row("assignment", "1", (record,), ("role:assign",), "assignment 1", DIGEST)
    judged = log.reconcile([row], stays=lambda _key: None, now=now)
    assert (judged.count, judged.recent) == (0, 1)
    monkeypatch.undo()
    assert log.reconcile([row], stays=lambda _key: None, now=now).recent == 0
