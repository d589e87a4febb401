"""A row that is changed behind the door's back is found and named, with the record that says otherwise."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.reconcile import Mismatch, Reconciled
from audit.search import Query, search
from city.clock import clock
from city.identifiers import mint
from storage import witness
from tests.founded_city import CityDoor, open_founded_city, tomorrow


@pytest.fixture
def door(founded: Path, tmp_path: Path) -> Iterator[CityDoor]:
    with open_founded_city(founded, tmp_path / "city") as ready:
        yield ready


def behind(door: CityDoor, statement: str, *values: object) -> None:
    """Somebody with a shell on the database."""
    with closing(sqlite3.connect(door.city.settings.data / "city.db")) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def give(door: CityDoor, **changes: object) -> dict[str, str]:
    body = {"role": "marriage-clerk", "clearance": 2, "expires_at": tomorrow(), "reason": "duty"} | changes
    answer = door.ask("POST", f"/api/v1/departments/civil/people/{door.ids['zhao']}/assignments", "qian", json=body)
    assert answer.status == 201, answer
    return answer.json


def later(door: CityDoor, minutes: int = 2) -> Reconciled:
    """As it is judged when nothing is recent any more."""
    door.settle()
    city = door.city
    with city.stores.database.reading() as connection:
        rows = list(witness.rows(connection))
    return city.records.log.reconcile(rows, stays=witness.stays, now=clock() + timedelta(minutes=minutes))


def found(door: CityDoor, minutes: int = 2) -> list[Mismatch]:
    return later(door, minutes).found


def test_a_founded_city_agrees_with_its_first_records(door: CityDoor) -> None:
    answer = later(door)
    assert (answer.found, answer.recent) == ([], 0)
    assert answer.rows > 50


def test_roles_given_and_taken_back_agree(door: CityDoor) -> None:
    given = give(door)
    taken = f"/api/v1/departments/civil/people/{door.ids['zhao']}/assignments/{given['id']}"
    assert found(door) == []
    assert door.ask("DELETE", taken, "qian").status == 200
    assert found(door) == []


def test_a_row_that_was_changed_is_named_with_the_record_that_says_otherwise(door: CityDoor) -> None:
    given = give(door)
    behind(door, "UPDATE assignment SET clearance = 5 WHERE id = ?", given["id"])
    (one,) = found(door)
    assert (one.kind, one.table, one.id, one.record) == ("differs", "assignment", given["id"], given["record"])
    assert one.leaf is not None
    assert any(key.startswith("assignment ") for key in door.city.records.log.read(one.leaf).event.detail)


def test_a_row_that_nobody_recorded_is_named_whatever_record_it_claims(door: CityDoor) -> None:
    given = give(door)
    for number, record in enumerate(("", "01JZZZZZZZZZZZZZZZZZZZZZZZ", given["record"])):
        behind(
            door,
            "INSERT INTO may_grant VALUES (?, ?, 'marriage-clerk', 'city', 5, ?)",
            f"forged-{number}", door.ids["wang"], record,
        )  # fmt: skip
    kinds = {one.id: one.kind for one in found(door)}
    assert kinds == {"forged-0": "no-record", "forged-1": "not-in-log", "forged-2": "differs"}


def test_a_role_taken_back_and_given_again_by_hand_is_named(door: CityDoor) -> None:
    given = give(door)
    target = f"/api/v1/departments/civil/people/{door.ids['zhao']}/assignments/{given['id']}"
    door.ask("DELETE", target, "qian")
    behind(
        door,
        "UPDATE assignment SET revoked_by = NULL, revoked_at = NULL, revoke_record = NULL WHERE id = ?",
        given["id"],
    )
    # its first record says exactly what the row is now, so the row alone agrees; the log's last word does not
    (one,) = found(door)
    assert (one.kind, one.id) == ("differs", given["id"])


def test_a_row_that_was_deleted_is_named(door: CityDoor) -> None:
    given = give(door)
    behind(door, "DELETE FROM assignment WHERE id = ?", given["id"])
    (one,) = found(door)
    assert (one.kind, one.table, one.id, one.record) == ("row-gone", "assignment", given["id"], given["record"])


def test_what_was_founded_is_watched_too_row_by_row(door: CityDoor) -> None:
    behind(door, "UPDATE access_key SET subject = ? WHERE subject = ?", door.ids["wang"], door.ids["zheng"])
    behind(door, "UPDATE rule SET object = '/*' WHERE id = (SELECT min(id) FROM rule)")
    behind(door, "UPDATE person SET sub = 'somebody' WHERE id = ?", door.ids["feng"])
    behind(door, "UPDATE department SET parent = 'civil' WHERE id = 'housing'")
    behind(door, "INSERT INTO role SELECT 'deputy', '', '', '', '', record FROM role WHERE id = 'staff'")
    behind(door, "UPDATE system SET label = 1 WHERE id = 'housing'")
    behind(door, "DELETE FROM seal")
    assert sorted((one.kind, one.table) for one in found(door)) == [
        ("differs", "access_key"), ("differs", "department"), ("differs", "person"), ("differs", "role"),
        ("differs", "rule"), ("differs", "system"), ("row-gone", "seal"),
    ]  # fmt: skip


@pytest.mark.parametrize("of", ["nothing", "a read", "an act that is over"])
def test_a_row_whose_record_is_kept_fresh_is_found_at_once(door: CityDoor, of: str) -> None:
    """Whoever holds the database may write a new id every second, and ask at the door for one that is real."""
    record = mint()
    if of == "a read":
        assert door.ask("GET", "/", "wang").status == 200
        record = door.records()[-1].id
    elif of != "nothing":
        record = give(door)["record"]
    behind(door, "UPDATE assignment SET clearance = 5, record = ? WHERE subject = ?", record, door.ids["wang"])
    told = later(door, minutes=0)
    assert told.recent == 0
    assert {one.table for one in told.found} == {"assignment"}


def test_what_is_under_way_is_not_judged_and_counted(door: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the row and the outcome that says what it is."""
    seen: list[Reconciled] = []
    delivery = door.gate.deliveries.local

    async def judged_before_its_outcome(recorded: Any) -> Any:
        answer = await delivery(recorded)
        seen.append(await asyncio.to_thread(later, door, 0))
        return answer

    gate = replace(door.gate, deliveries=replace(door.gate.deliveries, local=judged_before_its_outcome))
    monkeypatch.setattr(door, "gate", gate)
    give(door)
    assert [(one.recent, one.found) for one in seen] == [(1, [])]
    assert (later(door, 0).recent, found(door, 0)) == (0, [])


def test_an_id_of_the_future_is_no_excuse(door: CityDoor) -> None:
    behind(door, "INSERT INTO may_grant VALUES ('x', 'user:x', 'staff', 'city', 1, '7ZZZZZZZZZZZZZZZZZZZZZZZZZ')")
    assert [one.kind for one in found(door)] == ["not-in-log"]


def test_a_record_that_cannot_be_proven_does_not_count(door: CityDoor) -> None:
    given = give(door)
    door.settle()
    log = door.city.records.log
    (leaf,) = search(log.index, Query(request=given["record"], kind="outcome")).leaves
    verified = log.read(leaf)
    for path in (door.city.records.log.tiles / "tile/entries").rglob("*"):
        if path.is_file() and (data := path.read_bytes()).count(verified.record):
            path.write_bytes(data.replace(verified.record, verified.record[:-1] + b"?"))
    assert {one.kind for one in found(door)} == {"unproven"}


def test_the_page_the_api_and_their_record_say_the_same(door: CityDoor) -> None:
    given = give(door)
    behind(door, "UPDATE assignment SET department = 'city' WHERE id = ?", given["id"])
    door.settle()
    told = door.ask("GET", "/api/v1/audit/reconcile", "chen").json
    assert (told["found"], told["items"][0]["id"], told["items"][0]["kind"]) == (1, given["id"], "differs")
    page = door.ask("GET", "/audit/reconcile", cookie=door.sign_in("chen"), page=True)
    assert page.status == 200
    assert given["id"] in page.text
    asked = [one for one in door.records() if one.object.endswith("/reconcile") and one.kind == "outcome"]
    assert [one.detail["found"] for one in asked] == [1, 1]
