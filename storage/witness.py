"""Witnessed rows (账实核对): what a row is, as one short digest that its record carries, so that neither changes alone.

A table says how in its `info`, and the digest is the same on SQLite and on PostgreSQL:

    records   the columns that hold record ids, latest first
    acts      the actions of whoever writes it, or the reasons of a refusal that does; none: the founding alone
    volatile  the columns that may change without a record
    later     the columns that were added when there were rows: while empty they are no part of the digest
    only      column → value, where not every row of the table counts
    stays     a timedelta after whose end a row may be forgotten without a record
"""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from storage.database import metadata

GONE = "deleted"  # instead of a digest: there is no such row from here on
_DIGEST_CHARS = 32  # of SHA-256 in hexadecimal: 128 bits against a second row, which its writer cannot choose freely
_KEY_CHARS = 64  # of a name in a record's detail
_PLAIN_ID = re.compile(r"[A-Za-z0-9:-]+", re.ASCII)
_KEY = re.compile(r"[a-z_]+ (?:[A-Za-z0-9:-]+|#[0-9a-f]+)", re.ASCII)
_VALUE = re.compile(rf"[0-9a-f]{{{_DIGEST_CHARS}}}|{GONE}")
_BATCH_ROWS = 500


class Row(NamedTuple):
    """A row as it is now."""

    table: str
    id: str
    records: tuple[str, ...]  # ids of the records it names, latest first
    acts: tuple[str, ...]  # whose records those can be
    key: str  # its name in the detail of records
    digest: str


def tables() -> list[sa.Table]:
    """Return every table whose rows must be backed by records, by name."""
    return sorted((one for one in metadata.tables.values() if "records" in one.info), key=lambda one: one.name)


def describe_row(connection: Connection, table: sa.Table, identifier: object) -> tuple[str, str]:
    """Return (name, digest) of a row that was just written, for the outcome record. Call it in the transaction of the
    write.

    `identifier` is the value of its primary key. Raises sqlalchemy's NoResultFound if there is no such row.
    """
    (key,) = table.primary_key
    row = connection.execute(sa.select(table).where(key == identifier)).mappings().one()
    found = _row(table, row)
    return found.key, found.digest


def describe_deleted(table: sa.Table, identifier: object) -> tuple[str, str]:
    """Return (name, GONE) for a row that was deleted, for the outcome record."""
    return _name(table, _text(identifier)), GONE


def rows(connection: Connection) -> Iterator[Row]:
    """Yield every row of every such table as it is now, in the order of tables and keys."""
    for table in tables():
        (key,) = table.primary_key
        only = [table.c[name] == value for name, value in table.info.get("only", {}).items()]
        query = sa.select(table).where(*only).order_by(key).execution_options(yield_per=_BATCH_ROWS)
        with connection.execute(query) as result:  # also when nobody reads on
            yield from (_row(table, row) for row in result.mappings())


def stays(key: str) -> timedelta | None:
    """Return how long a row of this name stays at least; None if it stays until a record says that it was deleted."""
    table = metadata.tables.get(key.partition(" ")[0])
    kept: timedelta | None = table.info.get("stays") if table is not None else None
    return kept


def is_witness(key: str, value: str | int) -> bool:
    """Return whether a name and value of a record's detail say what a row was. No other detail looks like that."""
    return isinstance(value, str) and bool(_VALUE.fullmatch(value)) and bool(_KEY.fullmatch(key))


def _row(table: sa.Table, row: sa.RowMapping) -> Row:
    (key,) = table.primary_key
    identifier = _text(row[key])
    volatile, later = table.info.get("volatile", ()), table.info.get("later", ())
    plain = [
        [column.name, _plain(row[column])]
        for column in table.columns
        if column.name not in volatile and not (column.name in later and row[column] is None)
    ]
    canonical = json.dumps([table.name, sorted(plain)], separators=(",", ":"))
    records = tuple(str(row[name]) for name in table.info["records"] if row[name])
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_CHARS]
    return Row(table.name, identifier, records, table.info.get("acts", ()), _name(table, identifier), digest)


def _plain(value: Any) -> Any:
    """One form for one value: moments in UTC to the microsecond, bytes in hexadecimal, nothing else than JSON knows."""
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat(timespec="microseconds")
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if value is None or isinstance(value, str | int):  # bool is an int, and JSON tells them apart
        return value
    raise TypeError(f"a witnessed column cannot hold {type(value).__name__}")  # a float has two spellings


def _text(identifier: object) -> str:
    return bytes(identifier).hex() if isinstance(identifier, bytes | memoryview) else str(identifier)


def _name(table: sa.Table, identifier: str) -> str:
    name = f"{table.name} {identifier}"
    if len(name) <= _KEY_CHARS and _PLAIN_ID.fullmatch(identifier):  # else a record might cut or redact it
        return name
    return f"{table.name} #{hashlib.sha256(identifier.encode()).hexdigest()[:_DIGEST_CHARS]}"
