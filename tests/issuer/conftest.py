"""A live issuer with one account that has a second factor (li) and one that has none (wang)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.issuer.live import PASSWORD, SEED, Browser, Clock, LiveIssuer, live_issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(tmp_path: Path, clock: Clock) -> Iterator[LiveIssuer]:
    with live_issuer(tmp_path, clock) as issuer:
        issuer.accounts.create("li", PASSWORD, "李雷", SEED)
        issuer.accounts.create("wang", PASSWORD, "王芳")
        yield issuer


@pytest.fixture
def browser(issuer: LiveIssuer) -> Browser:
    return Browser(issuer)
