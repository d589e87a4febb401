"""The whole line a city walks, with commands: key, grade, machine, backup, share, self-assessment; every act is backed by a record.

Behind nginx; `test_line_on_pages` walks it in a browser, in the two other cities.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands.output import EXIT_CONFLICT
from tests.faults.visitor import eventually
from tests.journeys.broken_controls import break_controls
from tests.journeys.running_city import ROOT, City

pytestmark = pytest.mark.profiles("nginx")
S3A2 = ("--s-harmed", "society", "--s-harm", "serious", "--a-harmed", "society", "--a-harm", "general")
S2A2 = ("--s-harmed", "society", "--s-harm", "general", "--a-harmed", "society", "--a-harm", "general")
SIZE = ("--cpu", "1", "--memory", "1", "--disk", "1", "--purpose", "journey")

BROKEN = {
    "second-factor": "administrators-without-second-factor",
    "acts-recorded": "backup_work",
    "border-as-compiled": "by-hand",
    "restore-drilled": "drill-too-old",
    "keys-protected": "pairwise.key",
}
"""Controls that a test breaks for a moment, and the word by which the assessment names what broke."""


def told(city: City, *arguments: str, status: int = 0) -> dict[str, Any]:
    """What a command of this city says as JSON."""
    said = city.command(*arguments, "--json")
    assert said.returncode == status, (arguments, said.stdout, said.stderr)
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def by_two(city: City, *arguments: str, who: str, second: str) -> None:
    """Asked by one, refused until another approves, and sent again."""
    asked = told(city, *arguments, "--as", who, status=3)
    assert asked["missing"] == "approver"
    told(city, "request", "approve", asked["request"], "--as", second)
    told(city, "request", "resume", asked["request"], "--as", who)


def worked(city: City, verb: str) -> dict[str, Any]:
    """A backup or a drill; one at a time, and the clock may have begun one."""
    for _ in range(30):
        said = city.command("backup", verb, "--json")
        if said.returncode != EXIT_CONFLICT:
            break
        time.sleep(1)
    assert said.returncode == 0, (said.stdout, said.stderr)
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def grades(city: City, system: str) -> dict[str, Any]:
    return next(one for one in told(city, "grade", "list")["items"] if one["id"] == system)


def platform(city: City) -> dict[str, Any]:
    return next(one for one in told(city, "key", "list")["items"] if one["name"] == "platform")


@pytest.fixture
def graded(city: City) -> Iterator[City]:
    """Property records are S3A2, and S2A2 again for whoever comes after."""
    by_two(city, "grade", "propose", "housing", *S3A2, "--basis", "property records", who="zheng", second="feng")
    assert {name: grades(city, "housing")[name] for name in ("s", "a", "label")} == {"s": 3, "a": 2, "label": 3}
    yield city
    by_two(city, "grade", "propose", "housing", *S2A2, "--basis", "as before", who="zheng", second="feng")


def test_the_platforms_key_is_rotated_by_two_while_everybody_stays_signed_in(city: City) -> None:
    before = platform(city)["version"]
    by_two(city, "key", "rotate", "city", "platform", who="zheng", second="feng")
    assert platform(city)["version"] == before + 1
    assert city.ask("wang", "GET", "/api/v1/sessions")[0] == 200


def test_from_a_grade_to_an_assessment_that_names_what_broke(graded: City, tmp_path: Path) -> None:
    city = graded
    low = told(city, "machine", "request", "housing", "housing", "internet", "low-1", *SIZE, "--as", "sun", status=3)
    assert low["reason"] == "zone"
    by_two(city, "machine", "request", "housing", "housing", "core", "line-1", *SIZE, who="sun", second="zhou")
    (machine,) = [
        one for one in told(city, "machine", "list", "housing", "--as", "sun")["items"] if one["name"] == "line-1"
    ]
    assert machine["state"] == "running"
    assert told(city, "zone", "test", "extranet", "core:443")["passes"] is False
    assert worked(city, "run")["status"] == "whole"
    assert worked(city, "drill")["status"] == "passed"
    sound = {"log-intact", "machines-in-zones", *BROKEN}
    assessed(city, met=sound, tmp_path=tmp_path)
    with break_controls(city):
        controls = assessed(city, met=sound - BROKEN.keys(), tmp_path=tmp_path)
        assert {name: controls[name]["status"] for name in BROKEN} == dict.fromkeys(BROKEN, "unmet")
        for name, word in BROKEN.items():
            assert word in str(controls[name]["evidence"]), controls[name]
    assessed(city, met=sound, tmp_path=tmp_path)
    told(city, "machine", "delete", "housing", machine["id"], "--as", "sun")
    assert told(city, "audit", "reconcile")["found"] == 0


def assessed(city: City, *, met: set[str], tmp_path: Path) -> dict[str, dict[str, Any]]:
    made = told(city, "assess", "run", "housing")
    controls = {one["id"]: one for one in made["controls"]}
    assert {name for name in met if controls[name]["status"] == "met"} == met
    assert all(one["leaf"] is not None for one in made["controls"] if one["method"] == "automatic")
    assert {one["status"] for one in made["controls"] if one["method"] == "human"} == {"not-assessed"}
    report = tmp_path / "report.pdf"
    told(city, "assess", "report", "housing", made["id"], str(report))
    assert report.read_bytes().startswith(b"%PDF-")
    return controls


def test_data_is_shared_until_a_date_and_no_longer(city: City, tmp_path: Path) -> None:
    fields = {
        "name": "房产登记信息", "produced": "2026-01-01", "publisher": "住建局", "category": "shared", "version": "1",
        "description": "properties", "carrier": "electronic", "form": "table", "location": "core",
    }  # fmt: skip
    options = [part for name, value in fields.items() for part in (f"--{name}", value)]
    resource = told(city, "resource", "publish", "housing", "housing", "/open/properties", *options, "--as", "sun")
    key = tmp_path / "app.key"
    app = told(city, "app", "create", "civil", "checker", "--key-file", str(key), "--as", "qian")
    shares = f"/api/v1/departments/housing/resources/{resource['id']}/shares"
    until = datetime.now(UTC) + timedelta(seconds=20)  # asked by requests: a command alone takes a second or two
    status, asked = city.ask("qian", "POST", shares, {"app": app["id"], "purpose": "check", "until": until.isoformat()})
    assert (status, asked["missing"]) == (403, "approver")
    approve = f"{shares}/approve/{asked['request']}"
    assert city.ask("sun", "POST", approve, {"verdict": "approve"})[0] < 300
    assert city.ask("qian", "POST", f"/.citygate/resume/{asked['request']}")[0] < 300
    assert called(city, key) == 0
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
    eventually(lambda: called(city, key) == 3, 5)
    told(city, "app", "end", "civil", app["id"], "--as", "qian")
    told(city, "resource", "withdraw", "housing", resource["id"], "--as", "sun")


def called(city: City, key: Path) -> int:
    """The exit status of one signed call of the open API through the door."""
    url = f"{city.portal('housing').rstrip('/')}/open/properties"
    line = [sys.executable, "-m", "commands", "app", "call", str(key), url]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30).returncode
