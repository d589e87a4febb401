"""A city whose property records two people graded S3A2, and what a probe says of it, told by the city's own parts."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from city.evidence import FactSources
from city.identifiers import mint
from console.systems.words import EVIDENCE
from grading.evidence import ProbeAnswer, ProbeFacts, Status
from grading.probes import PROBES
from tests.catalogue.publishing_city import routes
from tests.founded_city import CityDoor, open_founded_city

S3A2 = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "property"}


@contextmanager
def graded_city(founded: Path, folder: Path, *, table: str = "") -> Iterator[CityDoor]:
    """`table`: routes beside those of the shop."""
    file = routes(folder)
    file.write_text(file.read_text() + table)
    with open_founded_city(founded, folder / "city", routes=file) as door:
        asked = door.ask("POST", "/api/v1/systems/housing/grade", "zheng", json=S3A2).json["request"]
        approve = f"/api/v1/systems/housing/grade/approve/{asked}"
        assert door.ask("POST", approve, "feng", json={"verdict": "approve"}).status < 300
        assert door.ask("POST", f"/.citygate/resume/{asked}", "zheng").status < 300
        yield door


def facts(door: CityDoor, *, record: str = "", after: timedelta = timedelta(), system: str = "housing") -> ProbeFacts:
    """What an assessment under this record would look at, `after` a while in which nothing was done."""
    now = door.city.clock() + after
    return FactSources(door.city, clock=lambda: now).facts(system, record or mint())


def ask_probe(door: CityDoor, probe: str, *, record: str = "", after: timedelta = timedelta()) -> ProbeAnswer:
    """One probe's answer, which can be said on a page."""
    found = PROBES[probe](facts(door, record=record, after=after))
    for one in found.evidence:
        assert EVIDENCE[one.code] % one.values
    return found


def status_and_code(found: ProbeAnswer) -> tuple[Status, str]:
    """Its status and its one code."""
    (one,) = found.evidence
    return found.status, one.code


def write_by_hand(door: CityDoor, statement: str, *values: object, database: str = "city.db", rows: int = 1) -> None:
    """Behind the door's back."""
    with closing(sqlite3.connect(door.city.settings.data / database)) as connection, connection:
        assert connection.execute(statement, values).rowcount == rows


def reload_facts(door: CityDoor, kind: str, identifier: str) -> None:
    """Every process decides by what the database says now."""
    with door.city.stores.database.transaction() as connection:
        epoch = door.city.stores.epochs.bump(connection, [(kind, identifier)])
    assert door.city.deciding.effective(epoch).confirmed == 1
