"""docs/faults.md, made of what the tests of this folder say: `python -m tests.faults.table > docs/faults.md`."""

import ast
from pathlib import Path

HEAD = """# Faults

What breaks, and what then happens. Each line is a test of a whole city, started as a person starts it, with the fault really
caused; the line is the test's own words (`python -m tests.faults.table` prints this page, and a test holds it to that).

| fault | what happens | test |
| --- | --- | --- |
"""


def table() -> str:
    """One line for each test, in the order in which they run."""
    rows = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for function in ast.parse(path.read_text()).body:
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                said = (ast.get_docstring(function) or "").removeprefix("fault: ")
                fault, _, happens = said.partition(" — ")
                assert fault, f"{function.name} does not say `fault: … — …`"
                assert happens, f"{function.name} does not say `fault: … — …`"
                rows.append(
                    f"| {fault} | {happens.rstrip('.')} | `{path.stem}`: {function.name.removeprefix('test_').replace('_', ' ')} |"
                )
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
