"""An app calls an open API through nginx and the door, with the client that the documents show."""

import contextlib
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crypto.kept_key import kept_key
from tests.journeys.running_city import ROOT, City, command, running
from tests.needs import need

PATH = "/open/properties"


@pytest.fixture(scope="module", params=["inline", "nginx"])
def city(request: pytest.FixtureRequest, founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    place = tmp_path_factory.mktemp("open") / "city"
    subprocess.run(["cp", "-a", str(founded), str(place)], check=True, timeout=120)
    if request.param == "nginx":
        need("nginx")
    with running(place, *(["--nginx"] if request.param == "nginx" else [])) as started:
        yield started


@pytest.fixture(scope="module")
def shared(city: City, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The key file of an app, and the resource it may use; made by commands."""
    key = tmp_path_factory.mktemp("key") / "app.json"
    nine = [f"--{name}=一项" for name in ("publisher", "category", "description", "location")]
    told = done(
        city, "resource", "publish", "housing", "housing", PATH, "--name=不动产登记", "--produced=2026-03-01", *nine, as_="sun"
    )  # fmt: skip
    app = done(city, "app", "create", "civil", "婚姻核验", f"--key-file={key}", as_="qian")
    assert key.stat().st_mode & 0o777 == 0o600
    assert "secret" not in app
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    ask = ("share", "ask", told["id"], app["id"], "--purpose=核验", f"--until={until}", "--as=qian")
    waits = city.command(*ask, "--json")
    assert waits.returncode == 3
    number = json.loads(waits.stdout)["request"]
    done(city, "request", "approve", number, as_="sun")
    done(city, "request", "resume", number, as_="qian")
    return key, told["id"]


def done(city: City, *arguments: str, as_: str) -> dict[str, str]:
    result = city.command(*arguments, f"--as={as_}", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    told: dict[str, str] = json.loads(result.stdout)
    return told


def test_the_client_of_the_documents_is_answered_by_the_portal(
    city: City, shared: tuple[Path, str], tmp_path: Path
) -> None:
    page = (ROOT / "docs/portal-developers.md").read_text()
    (client,) = re.findall(r"^```python\n(import base64.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert client.count("\n") <= 20
    (tmp_path / "client.py").write_text(client)
    url = city.portal("housing") + PATH + "?x=%E4%B8%AD"
    door = f"127.0.0.1:{url.rpartition(':')[2].partition('/')[0]}"
    line = [sys.executable, "-W", "ignore", str(tmp_path / "client.py"), str(shared[0]), url, door]
    told = subprocess.run(line, capture_output=True, text=True, check=True, timeout=30).stdout
    status, answer = told.split(" ", 1)
    assert status == "200", told
    assert json.loads(answer)["reader"] == "婚姻核验"
    assert [row["id"] for row in json.loads(answer)["items"]] == ["H-0017", "H-0018"]


def called(city: City, key: Path, path: str = PATH) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "commands", "app", "call", str(key), city.portal("housing") + path]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_signs_too_and_what_was_not_shared_is_denied(city: City, shared: tuple[Path, str]) -> None:
    fine, denied = called(city, shared[0]), called(city, shared[0], "/certificates/17")
    assert (fine.returncode, denied.returncode) == (0, 3), fine.stderr + denied.stderr
    assert json.loads(fine.stdout)["items"]
    assert json.loads(denied.stdout)["reason"] == "no-rule"


def test_a_key_file_that_others_may_read_is_not_used(city: City, shared: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "k").write_text(shared[0].read_text())
    (tmp_path / "k").chmod(0o640)
    assert called(city, tmp_path / "k").returncode == 2
    again = city.command("app", "create", "civil", "x", f"--key-file={shared[0]}")
    assert again.returncode == 2  # an existing file is never written over


def test_a_citizen_reads_no_open_api(city: City, shared: tuple[Path, str]) -> None:
    """Citizens may read their department's portal; what is open is open to apps alone."""
    assert "deny" in (ROOT / "deploy/demo/policy.csv").read_text()
    host = city.portal("housing").removeprefix("http://")
    connection = http.client.HTTPConnection("127.0.0.1", int(host.rpartition(":")[2]), timeout=10)
    headers = {"Host": host, "Authorization": f"Bearer {kept_key(city.data / 'keys', 'wang')}"}
    with contextlib.closing(connection):
        connection.request("GET", PATH, headers=headers)
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["reason"]) == (403, "explicit-deny")


def test_an_ended_app_and_a_withdrawn_resource_answer_nobody(city: City, shared: tuple[Path, str]) -> None:
    key, resource = shared
    assert "不动产登记" in city.command("resource", "list", "--q=登记").stdout
    done(city, "resource", "withdraw", "housing", resource, as_="sun")
    assert json.loads(called(city, key).stdout)["reason"] == "no-rule"
    app = json.loads(key.read_text())["id"]
    assert app in city.command("app", "list", "civil", "--as=qian").stdout
    done(city, "app", "end", "civil", app, as_="qian")
    assert json.loads(called(city, key).stdout)["code"] == "credential-rejected"
    assert command("audit", "verify", data=city.data).returncode == 0
