"""A real city, started as a person starts it, and real browsers in front of it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]  # fmt: skip


def need(*programs: str) -> None:
    """A missing component is said; where nothing may be missing it is a failure."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"NOT RUN: {', '.join(missing)} is not installed")


def free_port() -> int:
    """A port that is free together with the next one."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with contextlib.suppress(OSError):
                other.bind(("127.0.0.1", port + 1))
                return port


@dataclass
class City:
    """What `up --json` said, and the process that said it."""

    facts: dict[str, Any]
    process: subprocess.Popen[str]

    @property
    def console(self) -> str:
        return str(self.facts["console"])

    def portal(self, name: str) -> str:
        return next(str(portal["url"]) for portal in self.facts["portals"] if portal["name"] == name)

    def person(self, login: str) -> dict[str, str]:
        return next(person for person in self.facts["people"] if person["login"] == login)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this city's data."""
        command = [sys.executable, "cli.py", *arguments, "--data", self.facts["data"]]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@contextlib.contextmanager
def running(data: Path, *options: str) -> Iterator[City]:
    """`up --json` until the end of the block."""
    command = [sys.executable, "cli.py", "up", "--json", "--data", str(data), "--port", str(free_port()), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line, "the city did not come up"
        yield City(json.loads(line), process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture(scope="package", params=["direct", "nginx"])
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    need(*(["nginx"] if request.param == "nginx" else []))
    options = ["--nginx"] if request.param == "nginx" else []
    with running(tmp_path_factory.mktemp(request.param) / "city", *options) as started:
        yield started


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        with contextlib.closing(
            playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        ) as launched:
            yield launched


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A new browser profile each time: another person at another machine."""
    contexts = []

    def new(**options: Any) -> Page:
        context = browser.new_context(**{"locale": "zh-CN", **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        return context.new_page()

    yield new
    for context in contexts:
        context.close()


def sign_in(page: Page, person: dict[str, str]) -> None:
    """Type login and password on the issuer's page."""
    page.fill("input[name=login]", person["login"])
    page.fill("input[name=password]", person["password"])
    page.click("main button")


def second_factor(page: Page, person: dict[str, str]) -> None:
    """Type the one-time code; waits for a new one if this person's last was used."""
    page.fill("input[name=code]", pyotp.TOTP(person["totp_secret"]).now())
    page.click("main button")
