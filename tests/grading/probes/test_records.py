"""The log, rows against records, and the last drill; each is broken where it lies, and the probe says what broke."""

import shutil
from datetime import timedelta

import pytest

from audit.tiles import CHECKPOINT
from city.clock import clock
from grading.evidence import Evidence, Status
from tests.founded_city import CityDoor
from tests.grading.graded_city import ask_probe, status_and_code, write_by_hand


@pytest.fixture
def later(city: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was written is too recent to be judged."""
    city.settle()
    city.city.clock.ahead = timedelta(minutes=2)


@pytest.mark.usefixtures("later")
def test_a_row_changed_by_hand_contradicts_its_record(city: CityDoor) -> None:
    assert status_and_code(ask_probe(city, "acts_recorded")) == (Status.MET, "rows-agree")
    for table, row, column, hand, was in (
        ("system", "housing", "label", 2, 3),  # as the grade that two people gave it has it
        ("system", "housing", "a", 1, 2),
        ("system", "social", "label", 1, 2),  # as it was founded
        ("zone", "internet", "ceiling", 5, 1),
    ):
        change = f"UPDATE {table} SET {column} = ? WHERE id = ?"
        write_by_hand(city, change, hand, row)
        told = Evidence("rows-contradict", {"count": 1, "what": f"differs: {table} {row}"})
        assert ask_probe(city, "acts_recorded").evidence == (told,)
        write_by_hand(city, change, was, row)
        assert status_and_code(ask_probe(city, "acts_recorded")) == (Status.MET, "rows-agree")


@pytest.mark.usefixtures("later")
def test_a_system_whose_record_is_taken_out_is_told(city: CityDoor) -> None:
    write_by_hand(city, "UPDATE system SET record = NULL, label = 1 WHERE id = 'housing'")
    assert ask_probe(city, "acts_recorded").evidence[0].values["what"] == "no-record: system housing"


def test_a_flipped_byte_in_the_log_is_no_pass(city: CityDoor) -> None:
    city.settle()
    assert ask_probe(city, "log_intact").status is Status.MET
    entries = next(path for path in sorted((city.city.records.log.tiles / "tile/entries").rglob("*")) if path.is_file())
    data = bytearray(entries.read_bytes())
    data[len(data) // 2] ^= 1
    entries.chmod(0o600)
    entries.write_bytes(data)
    assert status_and_code(ask_probe(city, "log_intact")) == (Status.UNMET, "log-tampered")


def test_a_log_that_cannot_be_read_is_not_assessed(city: CityDoor) -> None:
    city.settle()
    (city.city.records.log.tiles / CHECKPOINT).unlink()
    shutil.rmtree(city.city.records.log.tiles / "tile")
    assert status_and_code(ask_probe(city, "log_intact")) == (Status.NOT_ASSESSED, "log-unreadable")


def test_a_log_that_nobody_integrates_is_noticed(city: CityDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert city.ask("GET", "/", "wang").status == 200
    identifier = next(event.id for event in reversed(city.records()) if event.action == "read")
    assert status_and_code(ask_probe(city, "log_goes_on", record=identifier)) == (Status.MET, "log-goes-on")
    monkeypatch.setattr("grading.probes.records._INTEGRATED_SECONDS", 0.3)
    identifier = city.ask("GET", "/audit/nothing", "wang").json["instance"]  # recorded, and no sequencer runs
    assert status_and_code(ask_probe(city, "log_goes_on", record=identifier)) == (Status.UNMET, "log-stands-still")
    city.settle()
    assert status_and_code(ask_probe(city, "log_goes_on", record=identifier)) == (Status.MET, "log-goes-on")


def test_a_drill_counts_while_it_is_young_and_the_last_one_decides(city: CityDoor) -> None:
    assert status_and_code(ask_probe(city, "restore_drilled")) == (Status.UNMET, "never-drilled")
    assert city.work("backup")["status"] == "whole"
    drill = city.work("drill")
    assert drill["status"] == "passed", drill
    assert status_and_code(ask_probe(city, "restore_drilled")) == (Status.MET, "drill-passed")
    then = (clock() - timedelta(days=31)).replace(tzinfo=None).isoformat(" ")  # grade 3: every 30 days
    write_by_hand(city, "UPDATE backup_work SET finished_at = ? WHERE id = ?", then, drill["id"])
    assert status_and_code(ask_probe(city, "restore_drilled")) == (Status.UNMET, "drill-too-old")
    (newest,) = [one for one in city.city.settings.backup("repository").iterdir() if one.is_dir()]
    (newest / "city.db.sealed").unlink()
    assert city.work("drill")["status"] == "failed"
    assert status_and_code(ask_probe(city, "restore_drilled")) == (Status.UNMET, "drill-failed")
