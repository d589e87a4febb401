"""Named locks of the whole city, kept by PostgreSQL; SQLite's transactions are one after the other without them."""

import hashlib

import sqlalchemy as sa
from sqlalchemy import Connection


def number(name: str) -> int:
    """Return the 64-bit number by which PostgreSQL knows the lock of this name."""
    return int.from_bytes(hashlib.sha256(f"citygate {name}".encode()).digest()[:8], signed=True)


def hold(connection: Connection, name: str) -> None:
    """Wait for the lock `name`, and keep it to the end of the transaction of `connection`.

    What a later statement reads was committed before the lock was given. On SQLite it does nothing.
    """
    if connection.dialect.name != "postgresql":
        return
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number(name))))
