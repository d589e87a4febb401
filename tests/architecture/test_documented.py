"""What is documented is true: every setting, and every command that a reader is told to type."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from cli import bench_command
from deploy.supervise import free_pair
from settings import Settings, to_environment
from tests.architecture.source import ROOT

PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").glob("*.md")))]
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


def _commands() -> list[tuple[str, str]]:
    """Each `$ ./citygate …` line of a console block, with the page it stands on; then those inside README's text."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
            lines = block.replace("\\\n", " ").split("\n")
            found += [(page, line[2:]) for line in lines if line.startswith("$ ./citygate")]
    inline = re.findall(r"`(\./citygate [^`\n]+)`", (ROOT / "README.md").read_text())
    return found + [("README.md", command.replace("LOGIN", "wang")) for command in inline]


def _verb(command: str) -> str:
    return next((word for word in shlex.split(command, comments=True)[1:] if not word.startswith("-")), "")


def test_readers_are_told_to_type_something() -> None:
    assert {"up", "code"} <= {_verb(command) for page, command in _commands() if page == "README.md"}


@pytest.mark.parametrize("page", sorted({page for page, _ in _commands()}))
def test_the_commands_of_a_page_work_in_their_order(page: str, founded: Path, tmp_path: Path) -> None:
    """On a city of the page's own, each with the exit status 0 that a reader expects."""
    commands = [text for where, text in _commands() if where == page and _verb(text) not in _ELSEWHERE]
    subprocess.run(["cp", "-a", str(founded), str(tmp_path / "city")], check=True)
    here = {**os.environ, "CITYGATE_DATA": str(tmp_path / "city"), "CITYGATE_PORT": str(free_pair())}
    for command in commands:
        arguments = [sys.executable, str(ROOT / "cli.py"), *shlex.split(command, comments=True)[1:]]
        result = subprocess.run(arguments, cwd=ROOT, env=here, capture_output=True, text=True, check=False, timeout=120)
        assert result.returncode == 0, f"{page}: {command}\n{result.stdout}{result.stderr}"
