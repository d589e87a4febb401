"""The command line is a client: it loads nothing of the server, and a city that it starts ends with it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from city.supervisor import free_pair
from commands.lazy import LazyGroup
from commands.main import cli
from tests.architecture.source import PACKAGES, ROOT
from tests.bounds import run_beside
from tests.faults.faults import alive, children
from tests.faults.visitor import eventually
from tests.journeys.running_city import PORTALS, City, running

THE_CLIENTS = {"commands", "crypto"}
SLOW = {"flask", "sqlalchemy", "authlib", "casbin", "uvicorn", "marshmallow"}
_LOADED = """
import runpy, sys
try:
    runpy.run_module("commands", run_name="__main__")
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*line: str, data: Path) -> tuple[str, set[str]]:
    """What a command prints, and what it has imported when it ends."""
    command = [sys.executable, "-c", _LOADED, *line]
    here = {**os.environ, "CITYGATE_DATA": str(data)}
    result = subprocess.run(command, cwd=ROOT, env=here, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout, set(result.stderr.split())


@pytest.fixture
def place(founded: Path, tmp_path: Path) -> Path:
    """A founded city that is not up."""
    subprocess.run(["cp", "-a", str(founded), str(tmp_path / "city")], check=True, timeout=120)
    return tmp_path / "city"


@pytest.fixture
def city(place: Path) -> Iterator[City]:
    with running(place) as started:
        yield started


def test_the_help_of_a_command_loads_nothing_of_the_server(tmp_path: Path) -> None:
    told, modules = loaded("people", "list", "--help", data=tmp_path)
    assert "The people of a department and those below it." in told
    assert modules & {*PACKAGES, *SLOW} == THE_CLIENTS


def test_a_command_to_a_city_that_is_up_loads_nothing_of_the_server_but_what_opens_its_key(city: City) -> None:
    told, modules = loaded("people", "list", "civil", "--json", data=city.data)
    assert "zhao" in [one["login"] for one in json.loads(told)["items"]]
    assert modules & {*PACKAGES, *SLOW} == THE_CLIENTS


def processes_of(place: Path) -> set[int]:
    """Who was started with this data folder, by its command line or its environment."""
    found = set()
    for one in Path("/proc").glob("[0-9]*"):
        try:
            told = (one / "cmdline").read_bytes() + (one / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(place) in told and (one / "exe").exists():
            found.add(int(one.name))
    return found


def environment(**settings: str) -> dict[str, str]:
    return {**os.environ, "CITYGATE_PORT": str(free_pair()), **settings}


def ask(*line: str, data: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "commands", *line, "--data", str(data)]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=False, timeout=120
    )


def test_a_city_that_is_up_for_one_command_is_gone_after_it(place: Path) -> None:
    result = ask("people", "list", "civil", "--json", data=place)
    assert (result.returncode, result.stderr) == (0, "")
    assert "zhao" in [one["login"] for one in json.loads(result.stdout)["items"]]
    assert processes_of(place) == set()
    assert not (place / "run/port").exists()


@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_however_the_command_ends_its_city_ends_too(place: Path, how: signal.Signals, status: int) -> None:
    line = [sys.executable, "-m", "commands", "key", "encrypt", "civil", "x", "--as=wang", "--data", str(place)]
    with run_beside(
        line, seconds=60, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as waits:  # for what it is to encrypt
        eventually(lambda: (place / "run/port").exists(), 60)
        (up,) = children(waits.pid).values()
        everybody = {up, *children(up).values()}
        assert len(everybody) == 1 + len(("city", "issuer", *PORTALS))
        waits.send_signal(how)
        assert waits.wait(60) == status
        eventually(lambda: not any(map(alive, everybody)), 60)
        assert processes_of(place) == set()


@pytest.mark.parametrize(
    ("settings", "status", "told"),
    [
        ({"CITYGATE_PORT": "x"}, 2, "citygate: CITYGATE_PORT: `x` cannot be read\n"),
        ({"CITYGATE_PROFILE": "production"}, 2, "citygate: production is behind a data plane: CITYGATE_LISTEN=0\n"),
    ],
)
def test_a_city_that_does_not_come_up_ends_the_command_as_it_ends_itself(
    place: Path, settings: dict[str, str], status: int, told: str
) -> None:
    result = ask("people", "list", "civil", data=place, **settings)
    assert (result.returncode, result.stdout, result.stderr) == (status, "", told)


def test_a_port_that_is_taken_is_a_conflict(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = ask("people", "list", "civil", data=place, CITYGATE_PORT=str(port))
    told = f"citygate: port {port} is taken; choose another with --port\n"
    assert (result.returncode, result.stderr) == (5, told)


def test_a_folder_that_is_set_to_nothing_is_one_line() -> None:
    result = CliRunner(env={"CITYGATE_DATA": ""}).invoke(cli, ["people", "list", "civil"])
    assert (result.exit_code, result.stderr) == (2, "citygate: CITYGATE_DATA: `` cannot be read\n")


def test_a_command_that_was_not_imported_is_proposed_and_one_that_is_not_there_is_not() -> None:
    result = CliRunner().invoke(cli, ["bootsrap"])
    assert (result.exit_code, "bootstrap" in result.stderr) == (2, True), result.stderr
    group = LazyGroup("some", lazy={"up": "city.operate:up_command", "other": "nowhere.command:other"})
    assert group.list_commands(click.Context(group)) == ["up"]
