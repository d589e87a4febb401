"""docs/faults.md, made of what the tests of faults say: `python -m tests.faults.table > docs/faults.md`."""

import ast
from collections.abc import Iterable
from pathlib import Path

HEAD = """# Faults

What breaks, and what then happens. Each line is a test with the fault really caused; the line is the test's own words
(`python -m tests.faults.table` prints this page, and a test holds it to that). In the first two sections every test is
of a whole city, started as a person starts it; in the third of the room itself: with the component that fails, or where
a name is refused.
"""
TESTS = Path(__file__).parents[1]
SECTIONS = {
    "The embedded profile: `./citygate up`": ("faults", "test_*.py"),
    "The production profile: `./citygate stack up`": ("stack", "test_faults_*.py"),
}
ROOMS = "Keys, backups, zones, machines and names"
_COLUMNS = """| fault | what happens | test |
| --- | --- | --- |
"""


def table() -> str:
    """A section for each profile, one line for each test, in the order in which they run; then the rooms' own faults."""
    sections = {title: _rows(sorted((TESTS / folder).glob(files))) for title, (folder, files) in SECTIONS.items()}
    profiles = {folder for folder, _ in SECTIONS.values()}
    others = (path for path in sorted(TESTS.glob("*/test_*.py")) if path.parent.name not in profiles)
    sections[ROOMS] = [row for path in others if "fault: " in path.read_text() for row in _rows([path], every=False)]
    parts = [HEAD]
    for title, rows in sections.items():
        parts += [f"\n## {title}\n\n", _COLUMNS, *(f"{row}\n" for row in rows)]
    return "".join(parts)


def _rows(paths: Iterable[Path], *, every: bool = True) -> list[str]:
    """A line for each test that says `fault: … — …`; `every`: and each must."""
    rows = []
    for path in paths:
        for function in ast.parse(path.read_text()).body:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith("test_"):
                told = ast.get_docstring(function) or ""
                if not every and not told.startswith("fault: "):
                    continue
                fault, _, happens = told.removeprefix("fault: ").partition(" — ")
                assert fault, f"{function.name} does not say `fault: … — …`"
                assert happens, f"{function.name} does not say `fault: … — …`"
                claim = function.name.removeprefix("test_").replace("_", " ")
                rows.append(
                    f"| {fault} | {happens.rstrip('.')} | `{path.stem if every else f'{path.parent.name}/{path.stem}'}`: {claim} |"
                )
    return rows


if __name__ == "__main__":
    print(table(), end="")
