"""Who may import what: the contracts of pyproject.toml hold, bite, and what they cannot say is said here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, files, imports, inside, text

LINT = str(Path(sys.executable).with_name("lint-imports"))
DEPLOYED = ("deploy", "loadtests")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_the_contracts_hold() -> None:
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("authz/decide.py", "import gateway.pipeline", "the direction of imports"),
        ("storage/database.py", "import crypto.aead", "the direction of imports"),
        ("idp/session.py", "import city.settings", "the direction of imports"),
        ("console/shell/render.py", "import console.systems.words", "the desks stand on the shell and apart"),
        ("console/zones/desk.py", "import console.requests.address_names", "the desks stand on the shell and apart"),
        ("authz/decide.py", "import sqlalchemy", "pure files do no input or output"),
        ("gateway/canonical.py", "import flask", "pure files do no input or output"),
        ("commands/people.py", "import gateway.routes", "the client knows no server"),
        ("commands/client.py", "import city.settings", "the client knows no server"),
        ("crypto/kept_key.py", "import storage.database", "the client knows no server"),
    ],
)
def test_a_planted_violation_breaks_its_contract(tmp_path: Path, file: str, line: str, contract: str) -> None:
    for package in set(PACKAGES) - set(DEPLOYED):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static", "templates")
        )
    for name in ("pyproject.toml", *(path.name for path in ROOT.glob("*.py"))):
        shutil.copy(ROOT / name, tmp_path)
    with (tmp_path / file).open("a") as planted:
        planted.write(f"\n{line}\n")
    result = _lint(tmp_path)
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout


def test_what_runs_or_reads_a_city_takes_from_the_client_its_output_alone() -> None:
    commands = {file for file in files() if "commands" in imports(file) and not inside(file, "commands/")}
    assert commands == {"city/operate.py", "city/offline.py", "city/options.py"}
    taken = [line for file in commands for line in text(file).splitlines() if line.startswith("from commands")]
    assert {line.split(" import ")[0] for line in taken} == {"from commands.output"}


# third-party module → the files that may know it
_CLIENTS = {
    "flask": (
        "console/",
        "issuer/",
        "gateway/local.py",
        "city/desks.py",
        "city/parts.py",
        "deploy/demo/portal.py",
        "loadtests/",
    ),
    "flask_smorest": ("console/",),
    "casbin": ("authz/casbin_model.py", "loadtests/"),
    "authlib": ("issuer/",),
    "joserfc": (
        "issuer/grants.py",
        "issuer/signing_keys.py",
    ),  # Authlib's key set; it verifies nothing of ours
    "jwt": ("idp/jws.py", "issuer/through_the_door.py", "deploy/demo/portal.py", "loadtests/"),
    "ua_parser": ("console/signin/pages.py",),
    "ulid": ("city/identifiers.py",),
    "aiohttp": ("loadtests/",),
    "redis": ("storage/redis_stores.py", "storage/shared_counts.py"),
    "psycopg": ("storage/", "city/stack/"),
    "argon2": ("issuer/",),
    "pyotp": ("issuer/", "city/", "loadtests/"),
    "cryptography": ("crypto/", "loadtests/"),
    "alembic": ("storage/",),
    "jinja2": ("console/shell/render.py",),
    "a2wsgi": ("gateway/local.py", "city/processes.py"),
    "httptools": ("gateway/http/target.py", "gateway/http/upstream.py", "gateway/http/answer.py"),
    "uvicorn": (
        "gateway/http/target.py",
        "gateway/http/server.py",
        "gateway/http/answer_writer.py",
        "city/processes.py",
    ),
    "prometheus_client": ("gateway/operations.py",),
    "click": ("commands/", "city/operate.py", "city/offline.py", "loadtests/command.py"),
    "sqlalchemy": (
        "storage/",
        "authz/",
        "idp/",
        "crypto/",
        "catalogue/",
        "infra/",
        "grading/",
        "backup/",
        "loadtests/",
    ),
    "gmssl_pyx": ("crypto/sm2.py",),
    "keycloak": ("idp/keycloak/admin.py",),
}


@pytest.mark.parametrize("module", _CLIENTS)
def test_a_third_party_client_is_known_where_it_belongs_only(module: str) -> None:
    assert [file for file in files() if module in imports(file) and not inside(file, *_CLIENTS[module])] == []


def test_pure_files_import_nothing_that_reads_or_waits() -> None:
    pure = [
        "authz/label.py", "authz/request.py", "authz/policy.py", "authz/decide.py", "authz/explain.py",
        "authz/pattern.py",
        "authz/hierarchy.py", "audit/merkle.py", "audit/event.py", "audit/redact.py", "gateway/canonical.py",
        "gateway/match.py", "backup/plan.py", "backup/schedule.py",
    ]  # fmt: skip
    reading = {
        "os",
        "socket",
        "pathlib",
        "subprocess",
        "asyncio",
        "threading",
        "sqlite3",
        "http",
        "time",
        "logging",
        "random",
    }
    assert {file: imports(file) & reading for file in pure if imports(file) & reading} == {}
