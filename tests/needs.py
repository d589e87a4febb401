"""What a test needs that a machine may lack: it is said, and where nothing may be missing it is a failure."""

import os
import shutil
from typing import NoReturn

import pytest


def not_run(reason: str) -> NoReturn:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"NOT RUN: {reason}")


def need(*programs: str, root: bool = False) -> None:
    missing = [name for name in programs if not shutil.which(name)] + ["root"] * (root and os.geteuid() != 0)
    if missing:
        not_run(f"{', '.join(missing)} is not here")
