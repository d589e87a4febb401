"""Golden texts: what the product does today, one line for one thing, so that a difference can be read.

`GOLDEN=write ./citygate test tests/golden` writes every text anew; what it changed is read before it is committed.
"""

import os
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
_HOW = "# Made by tests/golden; `GOLDEN=write ./citygate test tests/golden` makes it anew."


def compare(name: str, explanation: str, lines: Iterable[str]) -> None:
    """Fail unless the golden text `name` has exactly these lines; the order they come in does not matter."""
    path, wanted = HERE / name, sorted(set(lines))
    if os.environ.get("GOLDEN") == "write":
        comments = [f"# {line}" for line in explanation.strip().splitlines()]
        path.write_text("\n".join([_HOW, *comments, *wanted, ""]))
    golden = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    gone = [f"- {line}" for line in golden if line not in set(wanted)]
    new = [f"+ {line}" for line in wanted if line not in set(golden)]
    assert not gone + new, f"{name} says otherwise:\n" + "\n".join(sorted(gone + new, key=lambda line: line[2:]))
