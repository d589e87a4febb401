"""What `./citygate` installs before it hands over: nothing for whoever asks for help; and it waits for apt's locks."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import need

ROOT = Path(__file__).parents[2]
RUN = """
import importlib.machinery, importlib.util, sys
loader = importlib.machinery.SourceFileLoader("citygate", sys.argv[1])
citygate = importlib.util.module_from_spec(importlib.util.spec_from_loader("citygate", loader))
loader.exec_module(citygate)
citygate.LOCK_SECONDS = float(sys.argv[2])
citygate.apt(*sys.argv[3:])
"""
LOCKS = {
    "state/lists/lock": ("update", "-q"),
    "dpkg/lock-frontend": ("install", "-y"),
    "dpkg/lock": ("install", "-y"),
    "cache/archives/lock": ("install", "-y"),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose environment is made: this one's files and its environment, with stamps of both locks."""
    place = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "citygate", place)
    for path in ROOT.iterdir():
        if path.name not in ("citygate", ".citygate", ".git"):
            (place / path.name).symlink_to(path)
    made = place / ".citygate/venv"
    made.mkdir(parents=True)
    for path in Path(sys.prefix).iterdir():
        if path.name != "citygate-lock":
            (made / path.name).symlink_to(path)
    locks = [(ROOT / name).read_bytes() for name in ("requirements.lock", "requirements-dev.lock")]
    stamps = [hashlib.sha256(lock + sys.version.encode()).hexdigest() for lock in locks]
    (made / "citygate-lock").write_text(" ".join(stamps))
    return place


def asked(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command on a machine that has no package at all."""
    line = [sys.executable, str(checkout / "citygate"), *words]
    nothing = {"PATH": str(checkout / "nowhere"), "LANG": "C.UTF-8"}
    return subprocess.run(line, env=nothing, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("command", ["", "up", "stack", "stack up", "test", "bench", "bench decisions", "check"])
@pytest.mark.parametrize("help_", ["--help", "-h"])
def test_help_installs_nothing(checkout: Path, command: str, help_: str) -> None:
    told = asked(checkout, *command.split(), help_)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("Usage: citygate")


@pytest.mark.parametrize("command", ["stack", "bench", "stack down"])
def test_what_names_no_command_installs_nothing(checkout: Path, command: str) -> None:
    told = asked(checkout, *command.split())
    assert told.returncode == 2
    assert "apt-get" not in told.stderr


@pytest.mark.parametrize("command", ["stack up", "test", "bench gateway"])
def test_what_starts_programs_says_which_are_missing(checkout: Path, command: str) -> None:
    told = asked(checkout, *command.split())
    assert (told.returncode, told.stdout) == (1, "")
    assert "run once as root: apt-get update && apt-get install -y --no-install-recommends nginx" in told.stderr


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Path]:
    """Folders of an own apt, with no source and nothing installed: the machine's is left alone."""
    need("apt-get", root=True)
    for name in ("state/lists/partial", "cache/archives/partial", "dpkg", "log"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dpkg/status").touch()
    places = {"State": "state", "State::status": "dpkg/status", "Cache": "cache", "Log": "log"}
    lines = [f'Dir::{name} "{tmp_path / place}";\n' for name, place in places.items()]
    nothing = ['Dir::Etc::sourcelist "/dev/null";\n', 'Dir::Etc::sourceparts "/dev/null";\n']
    (tmp_path / "apt.conf").write_text("".join(lines + nothing))
    return tmp_path


def apt(packages: Path, *words: str, lock_seconds: float) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", RUN, str(ROOT / "citygate"), str(lock_seconds), *words]
    here = {**os.environ, "APT_CONFIG": str(packages / "apt.conf"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(line, env=here, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_held_lock_of_apt_is_waited_for(packages: Path, lock: str) -> None:
    with (packages / lock).open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        free = threading.Timer(5, fcntl.lockf, (file, fcntl.LOCK_UN))
        begun = time.monotonic()
        free.start()
        done = apt(packages, *LOCKS[lock], lock_seconds=60)
        free.join(10)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun > 4, "it took no lock"
    assert "another program holds apt's lock; waiting" in done.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_stays_held_ends_the_command(packages: Path, lock: str) -> None:
    with (packages / lock).open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        done = apt(packages, *LOCKS[lock], lock_seconds=1)
    assert done.returncode == 1
    assert "citygate: another program holds apt's lock" in done.stderr


def test_what_fails_otherwise_fails_at_once(packages: Path) -> None:
    done = apt(packages, "install", "-y", "no-such-package", lock_seconds=60)
    assert done.returncode == 1
    assert "Unable to locate package" in done.stderr
    assert "`apt-get install …` failed with exit status 100" in done.stderr
