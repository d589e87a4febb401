"""The product's own files, parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "gateway", "authz", "idp", "audit", "crypto", "console", "storage", "infra", "catalogue", "grading", "backup", "commands", "deploy", "city", "issuer",
    "loadtests",
)  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[str, ...]:
    """Every Python file of the product, relative to the root; tests are not among them."""
    inside = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return tuple(sorted(str(path.relative_to(ROOT)) for path in (*inside, *ROOT.glob("*.py"))))


@cache
def text(file: str) -> str:
    return (ROOT / file).read_text()


@cache
def tree(file: str) -> ast.Module:
    return ast.parse(text(file), file)


def functions(file: str) -> Iterator[Function]:
    yield from (node for node in ast.walk(tree(file)) if isinstance(node, Function))


def imports(file: str) -> set[str]:
    """The top-level names of every module this file imports, wherever in it."""
    found = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name or attribute, "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        front = dotted(node.value)
        return f"{front}.{node.attr}" if front else node.attr
    return ""


def calls(file: str) -> Iterator[str]:
    """What this file calls, as it is written."""
    yield from (dotted(node.func) for node in ast.walk(tree(file)) if isinstance(node, ast.Call))


def inside(file: str, *places: str) -> bool:
    return any(file == place or (place.endswith("/") and file.startswith(place)) for place in places)
