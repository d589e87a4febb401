"""What `./citygate` installs before it hands over: nothing for whoever asks for help."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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
