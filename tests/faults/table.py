"""docs/faults.md, made of what the tests of faults say: `python -m tests.faults.table > docs/faults.md`."""

import ast
from collections.abc import Iterable
from pathlib import Path

HEAD = """# Faults

What breaks, and what then happens. Each line is a test of a whole city, started as a person starts it, with the fault really
caused; the line is the test's own words (`python -m tests.faults.table` prints this page, and a test holds it to that).
"""
TESTS = Path(__file__).parents[1]
SECTIONS = {
    "The embedded profile: `./citygate up`": ("faults", "test_*.py"),
    "The production profile: `./citygate stack up`": ("stack", "test_faults_*.py"),
}
_COLUMNS = """| fault | what happens | test |
| --- | --- | --- |
"""


def table() -> str:
    """A section for each profile, one line for each test, in the order in which they run."""
    parts = [HEAD]
    for title, (folder, files) in SECTIONS.items():
        rows = "\n".join(_rows(sorted((TESTS / folder).glob(files))))
        parts.append(f"\n## {title}\n\n{_COLUMNS}{rows}\n")
    return "".join(parts)


def _rows(paths: Iterable[Path]) -> list[str]:
    rows = []
    for path in paths:
        for function in ast.parse(path.read_text()).body:
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                said = (ast.get_docstring(function) or "").removeprefix("fault: ")
                fault, _, happens = said.partition(" — ")
                assert fault, f"{function.name} does not say `fault: … — …`"
                assert happens, f"{function.name} does not say `fault: … — …`"
                claim = function.name.removeprefix("test_").replace("_", " ")
                rows.append(f"| {fault} | {happens.rstrip('.')} | `{path.stem}`: {claim} |")
    return rows


if __name__ == "__main__":
    print(table(), end="")
