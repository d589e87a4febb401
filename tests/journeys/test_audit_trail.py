"""The audit administrator finds what was done by a person's name, and whoever changes the log is found out."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from audit.record import split
from tests.journeys.browsing import reload_until, sign_in_with_code
from tests.journeys.running_city import command, running


def test_a_role_assignment_is_found_by_name_and_proven(city, at_desk) -> None:
    chen = at_desk("chen")
    status, given = city.assign("qian", "zhao", reason="审计演练")
    assert status == 201
    taken_back = f"/api/v1/departments/civil/people/{given['subject']}/assignments/{given['id']}"
    assert city.ask("qian", "DELETE", taken_back)[0] == 200

    chen.goto(city.console)
    chen.locator("header").get_by_role("link", name="审计检索").click()
    chen.fill("#who", "赵敏")
    chen.get_by_role("button", name="查询").click()
    done = chen.get_by_role("row").filter(has_text="授予角色").filter(has_text="已完成")
    reload_until(chen, done)
    done.first.get_by_role("link").click()
    expect(chen.get_by_role("status")).to_contain_text("校验通过")
    for fact in ("钱国庆获准授予角色", "赵敏", "审计演练", "marriage-clerk", given["id"]):
        expect(chen.get_by_role("main")).to_contain_text(fact)


def test_a_whole_running_log_is_proven_intact_from_its_files(city) -> None:
    told = city.command("audit", "verify", "--json")
    assert (told.returncode, json.loads(told.stdout)["status"]) == (0, "intact"), told.stdout


def test_who_may_not_read_the_log_is_told_so(city, at_desk) -> None:
    answer = at_desk("qian").goto(f"{city.console}/audit")
    assert answer
    assert answer.status == 403


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory) -> Path:
    """The data folder of a city that was used and stopped."""
    with running(tmp_path_factory.mktemp("left") / "city") as started:
        started.subject("zhao")
    return started.data


@pytest.fixture
def copy(left_behind, tmp_path) -> Path:
    """A copy of it, to be tampered with."""
    data = tmp_path / "city"
    shutil.copytree(left_behind, data, ignore=shutil.ignore_patterns("*.sock"))
    return data


def leaf_of(data: Path, text: str) -> int:
    """The first record with this text."""
    records, _ = split(_largest(data / "audit/log/tile/entries/000.p").read_bytes())
    return next(leaf for leaf, record in enumerate(records) if text.encode() in record)


def _largest(tiles: Path) -> Path:
    return max(tiles.iterdir(), key=lambda file: int(file.name))


def change_entry(data: Path, leaf: int) -> None:
    """One bit of the record itself, somewhere in its text."""
    bundle = _largest(data / "audit/log/tile/entries/000.p")
    stored = bytearray(bundle.read_bytes())
    records, _ = split(bytes(stored))
    at = sum(2 + len(record) for record in records[:leaf]) + 2 + records[leaf].index(b'"subject":"')
    stored[at + len('"subject":"')] ^= 1
    bundle.write_bytes(stored)


def change_hash(data: Path, leaf: int) -> None:
    """One bit of the record's hash."""
    tile = _largest(data / "audit/log/tile/0/000.p")
    stored = bytearray(tile.read_bytes())
    stored[32 * leaf] ^= 1
    tile.write_bytes(stored)


def change_index(data: Path, leaf: int) -> None:
    """What the search says of the record: another person, another object."""
    with sqlite3.connect(data / "audit/index.db", timeout=10) as index:
        index.execute("UPDATE record SET object = '/lie', result = 'deny' WHERE leaf = ?", (leaf,))
        index.execute("UPDATE about SET person = 'user:NOBODY' WHERE leaf = ?", (leaf,))
    index.close()


@pytest.mark.parametrize(("change", "kind"), [(change_entry, "record"), (change_hash, "tile"), (change_index, "index")])
def test_one_changed_byte_is_found_and_its_record_named(copy, change: Callable[[Path, int], None], kind: str) -> None:
    leaf = leaf_of(copy, "/people")
    assert command("audit", "verify", data=copy).returncode == 0
    change(copy, leaf)
    told = command("audit", "verify", "--json", data=copy)
    report = json.loads(told.stdout)
    assert (told.returncode, report["status"]) == (6, "tampered")
    assert [(finding["kind"], finding["leaf"]) for finding in report["findings"] if finding["leaf"] is not None] == [
        (kind, leaf)
    ]


def test_a_changed_index_lies_about_no_record_and_a_changed_record_is_not_shown(copy, visit) -> None:
    chen, leaf = visit(), leaf_of(copy, "/people")
    with running(copy) as city:
        sign_in_with_code(chen, city, "chen")
        change_index(copy, leaf)
        chen.goto(f"{city.console}/audit?object=/lie")
        found = chen.get_by_role("row").filter(has_text="钱国庆")
        expect(found).to_contain_text("/departments/civil/people")
        found.get_by_role("link").click()
        expect(chen.get_by_role("status")).to_contain_text("校验通过")
        expect(chen.get_by_role("main")).to_contain_text("钱国庆获准查看人员")
        expect(chen.get_by_role("main")).not_to_contain_text("/lie")

        change_entry(copy, leaf)
        chen.reload()
        expect(chen.get_by_role("alert")).to_contain_text("校验失败")
        expect(chen.get_by_role("main")).not_to_contain_text("钱国庆")
