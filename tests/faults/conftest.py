"""One city that is broken in many ways, one after the other; every test leaves it whole."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.visitor import Browser, ready
from tests.journeys.running_city import City, command, running

SPOOL_MEGABYTES = 64


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a founded city; as root its spools stand on a small file system of their own."""
    data = tmp_path_factory.mktemp("faults") / "city"
    assert command("bootstrap", data=data).returncode == 0
    spools = data / "audit/spools"
    kept = spools.rename(spools.with_name("kept"))
    spools.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPOOL_MEGABYTES}m,mode=700", "tmpfs", str(spools)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    shutil.copytree(kept, spools, dirs_exist_ok=True)
    shutil.rmtree(kept)
    try:
        yield data
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(spools)], check=True)


@pytest.fixture(scope="package")
def started(home: Path) -> Iterator[dict[str, City]]:
    """The city under "city"; a test that stops it puts the next one there."""
    with contextlib.ExitStack() as stack:
        yield {"city": stack.enter_context(running(home))}


@pytest.fixture
def city(started: dict[str, City]) -> City:
    """The city as it runs now, well."""
    assert ready(started["city"]).get("status") == "200", "the test before left it broken"
    return started["city"]


@pytest.fixture(scope="package")
def wang(started: dict[str, City]) -> Browser:
    """A citizen who signed in with her password only."""
    browser = Browser(started["city"])
    assert browser.sign_in("wang").status == 200
    return browser
