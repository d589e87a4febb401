"""How a command ends and what it prints: exit codes, one line for what went wrong, tables."""

import sys
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import click

EXIT_FAILED, EXIT_USAGE, EXIT_DENIED, EXIT_NOT_FOUND, EXIT_CONFLICT, EXIT_INTEGRITY, EXIT_UNAVAILABLE = range(1, 8)
_EXITS = {401: EXIT_DENIED, 403: EXIT_DENIED, 404: EXIT_NOT_FOUND, 409: EXIT_CONFLICT, 412: EXIT_CONFLICT,
          400: EXIT_USAGE, 422: EXIT_USAGE,
          502: EXIT_UNAVAILABLE, 503: EXIT_UNAVAILABLE, 504: EXIT_UNAVAILABLE}  # fmt: skip


def fail(message: str, status: int) -> NoReturn:
    """End with one line on stderr, whatever the message quotes."""
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in message)
    click.echo(f"citygate: {line}", err=True)
    sys.exit(status)


def exit_of(status: int) -> int:
    """Return the exit code of a command that was answered with this HTTP status."""
    return _EXITS.get(status, EXIT_FAILED)


def table(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> str:
    """Return the rows under their columns' names, two blanks apart."""
    lines = [columns, *(tuple(str(row.get(name) or "-") for name in columns) for row in rows)]
    widths = [max(_columns(line[i]) for line in lines) for i in range(len(columns))]
    padded = ([cell + " " * (widths[i] - _columns(cell)) for i, cell in enumerate(line)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def receipt_line(receipt: Mapping[str, Any]) -> str:
    """Return a receipt as one line of text."""
    return f"effective at {receipt['confirmed']}/{receipt['live']} gateways after {receipt['seconds']} s"


def _columns(text: str) -> int:
    """Count the columns that a terminal gives `text`; a Chinese character takes two (UAX #11)."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
