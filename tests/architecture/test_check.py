"""What `./citygate check` runs passes: format, lint, types (the import directions are in test_imports.py)."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT


@pytest.mark.parametrize("command", [("ruff", "format", "--check"), ("ruff", "check"), ("mypy",)], ids=" ".join)
def test_the_check_passes(command: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name(command[0])
    result = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout[-4000:]
