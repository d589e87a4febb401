"""Backups and drills through the door: who begins, what the record says, and a row that agrees with its record."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from backup.store import work
from city.clock import clock
from storage import witness
from tests.acts import an_act
from tests.founded_city import CityDoor, open_founded_city


@pytest.fixture(scope="module")
def city(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityDoor]:
    with open_founded_city(founded, tmp_path_factory.mktemp("work") / "city") as door:
        assert door.work("backup")["status"] == "whole"
        assert door.work("drill")["status"] == "passed"
        yield door
        assert door.undeclared() == set()


def mismatches(city: CityDoor) -> list[tuple[str, str]]:
    """What a reconcile in an hour says of this table."""
    city.settle()
    with city.city.stores.database.reading() as connection:
        rows = [row for row in witness.rows(connection) if row.table == work.name]
    assert rows
    found = city.city.records.log.reconcile(rows, stays=witness.stays, now=clock() + timedelta(hours=1)).found
    return [(one.kind, one.id) for one in found if one.table == work.name]


def test_what_came_of_it_stands_in_the_log_under_the_request_that_began_it(city: CityDoor) -> None:
    told = city.work("drill")
    last = [event for event in city.records() if event.id == told["record"]][-1]
    assert (last.action, last.result, last.subject) == ("backup:drill", "ok", city.ids["zhou"])
    assert last.detail["state"] == "passed"
    assert last.detail["records"] == told["records"]
    assert {"rpo_ms", "rto_ms", "restored"} <= last.detail.keys()


def test_rows_agree_with_their_records_until_somebody_changes_one_behind_the_doors_back(city: CityDoor) -> None:
    assert mismatches(city) == []
    entry = city.city.rooms.backups.book.page("drill")[0]
    with city.city.stores.database.transaction() as connection:
        connection.execute(sa.update(work).where(work.c.id == entry.id).values(rto_ms=1))
    assert mismatches(city) == [("differs", entry.id)]
    with city.city.stores.database.transaction() as connection:
        connection.execute(sa.update(work).where(work.c.id == entry.id).values(rto_ms=entry.rto_ms))
    assert mismatches(city) == []


def test_what_was_interrupted_is_told_too(city: CityDoor) -> None:
    book = city.city.rooms.backups.book
    entry = book.begin("drill", city.city.rooms.backups.plan(), an_act(city.ids["zhou"], record=book._mint()))
    city.city.rooms.backups.recover()  # as the next start of the same process does
    assert (book.entry(entry.id, "drill").state, book.entry(entry.id, "drill").why) == ("failed", "interrupted")
    assert mismatches(city) == []


def test_what_was_interrupted_is_told_too_where_the_repository_cannot_be_looked_at(city: CityDoor) -> None:
    book = city.city.rooms.backups.book
    entry = book.begin("backup", city.city.rooms.backups.plan(), an_act(city.ids["zhou"], record=book._mint()))
    repository = city.city.settings.backup("repository")
    kept = repository.rename(repository.with_name("kept"))
    repository.symlink_to("x" * 300)  # no name that a disk could have
    try:
        city.city.rooms.backups.recover()
    finally:
        repository.unlink()
        kept.rename(repository)
    assert (book.entry(entry.id, "backup").state, book.entry(entry.id, "backup").why) == ("failed", "interrupted")
    assert mismatches(city) == []


def test_a_backup_that_became_whole_before_its_row_did_is_whole(city: CityDoor) -> None:
    book = city.city.rooms.backups.book
    entry = book.begin("backup", city.city.rooms.backups.plan(), an_act(city.ids["zhou"], record=book._mint()))
    shown = city.city.settings.backup("repository") / entry.id
    shown.mkdir()
    try:
        city.city.rooms.backups.recover()
    finally:
        shown.rmdir()
    assert book.entry(entry.id, "backup").state == "whole"
    assert mismatches(city) == []


def test_the_clock_begins_what_is_due_and_nothing_else(founded: Path, tmp_path: Path) -> None:
    with open_founded_city(founded, tmp_path / "city") as door:
        ask = lambda: door.ask("POST", "/api/v1/jobs/backup", "clock-job").json["done"]  # noqa: E731
        assert ask() == 1  # never a backup
        door.idle()
        assert ask() == 1  # never a drill
        door.idle()
        assert ask() == 0
        drill = door.ask("GET", "/api/v1/drills", "zhou").json["items"][0]
        assert (drill["status"], drill["asked_by"]) == ("passed", "service:clock")


def test_pages_go_on_where_the_last_ended_and_nothing_else_is_a_cursor(city: CityDoor) -> None:
    assert city.ask("GET", "/api/v1/backups?cursor=01ZZZZZZZZZZZZZZZZZZZZZZZZ", "zhou").json["items"]
    assert city.ask("GET", "/api/v1/backups?cursor=0", "zhou").json["items"] == []
    for hostile in ("%3Cx%3E", "..%2F", "a'b", "x%0A"):
        assert city.ask("GET", f"/api/v1/backups?cursor={hostile}", "zhou").status in (400, 422)


@pytest.mark.parametrize(
    "path", ["/api/v1/backups/01ZZZZZZZZZZZZZZZZZZZZZZZZ", "/api/v1/drills/..", "/api/v1/drills/-x"]
)
def test_what_is_not_there_is_not_found(city: CityDoor, path: str) -> None:
    assert city.ask("GET", path, "zhou").status in (400, 403, 404)


def test_a_backup_is_no_drill(city: CityDoor) -> None:
    identifier = city.ask("GET", "/api/v1/backups", "zhou").json["items"][0]["id"]
    assert city.ask("GET", f"/api/v1/drills/{identifier}", "zhou").status == 404


def test_buttons_are_shown_to_whom_they_obey(city: CityDoor) -> None:
    texts = {
        who: city.ask("GET", "/backups", cookie=city.sign_in(who), page=True).text for who in ("zhou", "zheng", "chen")
    }
    assert "立即演练" in texts["zhou"]
    assert all("立即演练" not in texts[who] and "有效" in texts[who] for who in ("zheng", "chen"))


def test_the_button_begins_a_drill_once(city: CityDoor) -> None:
    cookie = city.sign_in("zhou")
    origin = {"origin": "http://console.localhost:8080"}
    answer = city.ask("POST", "/backups/drill", cookie=cookie, form={"csrf": city.csrf(cookie)}, headers=origin)
    assert (answer.status, answer.location) == (303, "/backups")
    city.idle()
    assert city.ask("GET", "/api/v1/drills", "zhou").json["items"][0]["status"] == "passed"


def test_old_backups_are_let_go_and_never_more_than_the_plan_says(city: CityDoor) -> None:
    runner, plan = city.city.rooms.backups._runner(), city.city.rooms.backups.plan()
    before = runner.repository.ids()
    city.settle()
    made = runner.run(city.city.rooms.backups.book._mint(), keep=2, report_step=lambda _: None)
    assert runner.repository.ids() == [before[-1], made.id]
    assert sorted(path.stem for path in runner.repository.outside.iterdir()) == [before[-1], made.id]
    assert plan.keep >= 2


def test_no_key_and_no_row_lies_in_the_clear_in_the_repository(city: CityDoor) -> None:
    keys = [path.read_bytes() for path in (city.city.settings.data / "keys").glob("*.key")]
    secret = "钱国庆".encode()
    for path in city.city.settings.backup("repository").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(key in data or key.hex().encode() in data for key in keys)
            assert secret not in data
