"""One city that is broken in many ways, one after the other; every test leaves it whole."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from city.founding import PEOPLE, found_city
from city.processes import clock, mint
from city.settings import Settings
from tests.faults.visitor import Browser, ready
from tests.journeys.running_city import City, running

SPOOL_MEGABYTES = 64


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a founded city; as root its spools stand on a small file system of their own."""
    data = tmp_path_factory.mktemp("faults") / "city"
    people = found_city(Settings(data=data), clock=clock, mint=mint)
    data.with_name("people.json").write_text(json.dumps(people))
    # what is grepped for secrets later has none that were put there on purpose
    named = [{name: one[name] for name in ("login", "name", "role")} for one in people]
    (data / PEOPLE).write_text(json.dumps(named))
    spools = data / "audit/spools"
    kept = spools.rename(spools.with_name("kept"))
    spools.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPOOL_MEGABYTES}m,mode=700", "tmpfs", str(spools)]
    is_mounted = (
        os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True, timeout=120).returncode == 0
    )
    shutil.copytree(kept, spools, dirs_exist_ok=True)
    shutil.rmtree(kept)
    try:
        yield data
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(spools)], check=True, timeout=120)


@dataclass
class Lives:
    """The lives of one city, each on the same data; the last one runs."""

    home: Path
    stack: contextlib.ExitStack
    people: list[dict[str, Any]]  # with what they sign in with, which was told once, at the founding
    now: City = field(init=False)

    def begin(self) -> City:
        """After the one before has ended."""
        self.now = self.stack.enter_context(running(self.home))
        self.now.facts["people"] = self.people
        return self.now


@pytest.fixture(scope="package")
def lives(home: Path) -> Iterator[Lives]:
    with contextlib.ExitStack() as stack:
        lives = Lives(home, stack, json.loads(home.with_name("people.json").read_text()))
        lives.begin()
        yield lives


@pytest.fixture
def again(lives: Lives) -> Callable[[], City]:
    """Start the city anew."""
    return lives.begin


@pytest.fixture
def city(lives: Lives) -> City:
    """The city as it runs now, well."""
    assert ready(lives.now).get("status") == "200", "the test before left it broken"
    return lives.now


@pytest.fixture(scope="module")
def wang(lives: Lives) -> Browser:
    """A citizen who signed in with her password only."""
    browser = Browser(lives.now)
    assert browser.sign_in("wang").status == 200
    return browser
