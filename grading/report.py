"""An assessment as a document: one Typst file fed with data, so no text of a system ever becomes markup."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from grading.errors import ReportUnavailable

SOURCE = Path(__file__).with_name("report.typ")


def typeset(
    *, title: str, facts: Sequence[tuple[str, str]], counts: Sequence[tuple[str, int]], heads: Sequence[str],
    rows: Sequence[Sequence[str]], note: str, at: str,
) -> bytes:  # fmt: skip
    """A4 as PDF. `facts`: what the head says; `rows`: one for each control, a cell for each of `heads`.

    The fonts are the machine's own. Raises ReportUnavailable.
    """
    try:
        import typst
    except ImportError as missing:
        raise ReportUnavailable("the report needs the package `typst` (extra `reports`)") from missing
    document: Mapping[str, object] = {
        "title": title, "facts": facts, "counts": counts, "heads": heads, "rows": rows, "note": note, "at": at,
    }  # fmt: skip
    try:
        made = typst.compile(SOURCE.read_bytes(), sys_inputs={"document": json.dumps(document)}, timestamp=0)
    except typst.TypstError as failure:
        raise ReportUnavailable(f"the report cannot be typeset: {failure}") from failure
    if not isinstance(made, bytes):
        raise ReportUnavailable("the report was not typeset")
    return made
