"""The hosts and quotas a city begins with, written in the transaction of its founding."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from infra.store import host, quota


def insert(connection: Connection, city: Mapping[str, Any], *, record: str) -> None:
    """`city`: a city file's tables, of which `hosts` and `quotas` are read."""
    for table, name in ((host, "hosts"), (quota, "quotas")):
        for row in city.get(name, ()):
            connection.execute(sa.insert(table).values({**row, "record": record}))
