"""What is documented is true: every setting, and every command that a reader is told to type."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from city.settings import Settings, to_environment
from city.supervisor import free_pair
from loadtests.command import bench_command
from tests.architecture.source import ROOT

PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").glob("*.md")))]
_ID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
_ELSEWHERE = {
    "up",
    "test",
    "check",
    "bench",
    "stack",
}  # long-running: journeys, this run itself, test_check.py, test_decisions.py


def _rows() -> dict[str, str]:
    """Setting → default, as docs/settings.md shows them."""
    page = (ROOT / "docs/settings.md").read_text()
    return dict(re.findall(r"^\| `(CITYGATE_[A-Z_]+)` \| (?:`([^`]*)`|none) \|", page, re.MULTILINE))


def test_every_setting_is_documented_with_its_default_and_no_other_is() -> None:
    defaults = {f"CITYGATE_{one.name.upper()}": "" for one in fields(Settings)} | to_environment(Settings())
    assert _rows() == defaults


def test_every_bench_is_documented_and_no_other_is() -> None:
    told = re.findall(r"^\| `bench (\S+)", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)
    benches = [path.stem for path in (ROOT / "loadtests").glob("*.py") if "\ndef main(" in path.read_text()]
    assert sorted("\\|".join(told).split("\\|")) == sorted(benches) == sorted(bench_command.params[0].type.choices)


@dataclass(frozen=True)
class TypedCommand:
    """A command that a reader is told to type, where, and what is shown of its output; "" is anything."""

    page: str
    command: str
    shown: str = ""

    @property
    def status(self) -> int:
        return 3 if "waits for a second person" in self.shown else 0


def _commands() -> list[TypedCommand]:
    """Each `$ ./citygate …` line of a console block; then those inside README's text."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
            lines = re.findall(r"^\$ (\./citygate.*)\n((?:(?!\$ ).*\n)*)", block.replace("\\\n", " "), re.MULTILINE)
            found += [TypedCommand(page, *line) for line in lines]
    inline = re.findall(r"`(\./citygate [^`\n]+)`", (ROOT / "README.md").read_text())
    return found + [TypedCommand("README.md", command.replace("LOGIN", "wang")) for command in inline]


def _of_any_city(output: str) -> str:
    """An output without what is of one city alone: its ids, numbers and digests."""
    return re.sub(r"\b[0-9a-f]{64}\b|\b[0-9]+\b", "…", _ID.sub("…", output))


def _verb(command: str) -> str:
    return next((word for word in shlex.split(command, comments=True)[1:] if not word.startswith("-")), "")


def test_readers_are_told_to_type_something() -> None:
    assert {"up", "code"} <= {_verb(told.command) for told in _commands() if told.page == "README.md"}


@pytest.mark.parametrize("page", sorted({told.page for told in _commands()}))
def test_the_commands_of_a_page_work_in_their_order(page: str, founded: Path, tmp_path: Path) -> None:
    """On a city of the page's own, each with the exit status that a reader expects, and what is shown of its output."""
    commands = [told for told in _commands() if told.page == page and _verb(told.command) not in _ELSEWHERE]
    subprocess.run(["cp", "-a", str(founded), str(tmp_path / "city")], check=True, timeout=120)
    here = {**os.environ, "CITYGATE_DATA": str(tmp_path / "city"), "CITYGATE_PORT": str(free_pair())}
    ids = dict[str, str]()
    for told in commands:
        words = shlex.split(_ID.sub(lambda shown: ids[shown[0]], told.command), comments=True)[1:]
        arguments = [sys.executable, "-m", "commands", *words]
        result = subprocess.run(arguments, cwd=ROOT, env=here, capture_output=True, text=True, check=False, timeout=120)
        printed = result.stdout + result.stderr
        assert result.returncode == told.status, f"{page}: {told.command}\n{printed}"
        if told.shown:
            assert _of_any_city(printed) == _of_any_city(told.shown), f"{page}: {told.command}\n{printed}"
        ids.update(zip(_ID.findall(told.shown), _ID.findall(printed), strict=False))
