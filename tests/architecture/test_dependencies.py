"""What is declared is imported, and what is imported is declared: nothing stands on another library's own needs."""

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from tests.architecture.source import PACKAGES, ROOT, files, imports, inside

DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())
# declared, and never imported by us
LOADED_BY_ANOTHER = {
    "hiredis": "redis parses with it where it is installed",
    "pytest-asyncio": "a plugin of pytest",
    "types-pyyaml": "mypy reads it",
    "types-requests": "mypy reads it",
}
COMMANDS = {"granian", "import-linter", "mypy", "ruff"}
OURS = {*PACKAGES, *(path.stem for path in ROOT.glob("*.py")), "tests"}
DISTRIBUTIONS = packages_distributions()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*requirements: Iterable[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", one, maxsplit=1)[0]) for some in requirements for one in some}


def imported(names: Iterable[str]) -> dict[str, str]:
    """What has to be installed for these files, each with one file that says so."""
    return {
        normal(distribution): file
        for file in names
        for module in imports(file) - OURS - sys.stdlib_module_names
        for distribution in DISTRIBUTIONS.get(module, [module])
    }


PRODUCT = declared(DECLARED["project"]["dependencies"], *DECLARED["project"]["optional-dependencies"].values())
DEVELOPMENT = declared(*DECLARED["dependency-groups"].values())
OF_THE_PRODUCT = [file for file in files() if not inside(file, "loadtests/")]
OF_DEVELOPMENT = [
    *(file for file in files() if inside(file, "loadtests/")),
    *(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py")),
]


def test_what_the_product_imports_is_declared() -> None:
    assert {name: file for name, file in imported(OF_THE_PRODUCT).items() if name not in PRODUCT} == {}


def test_what_the_product_declares_is_imported() -> None:
    assert PRODUCT - imported(OF_THE_PRODUCT).keys() - LOADED_BY_ANOTHER.keys() == set()


def test_what_tests_and_load_tests_import_is_declared() -> None:
    used = imported(OF_DEVELOPMENT)
    assert {name: file for name, file in used.items() if name not in PRODUCT | DEVELOPMENT} == {}


def test_what_is_declared_for_development_is_used_by_it_alone() -> None:
    used = imported(OF_DEVELOPMENT).keys() | LOADED_BY_ANOTHER.keys() | COMMANDS
    assert DEVELOPMENT - used == set()
    assert not DEVELOPMENT & PRODUCT


def test_what_is_excused_is_declared() -> None:
    assert (LOADED_BY_ANOTHER.keys() | COMMANDS) - PRODUCT - DEVELOPMENT == set()
