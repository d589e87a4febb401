"""The people and departments that a city begins with, written in the founding's transaction."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from idp.directory import Person
from idp.store import department, person


def insert_department(connection: Connection, row: Mapping[str, Any], *, record: str) -> None:
    """Write a department as a city file has it; without a `parent` it is the root."""
    connection.execute(sa.insert(department).values({"parent": None, **row, "record": record}))


def insert_person(connection: Connection, new: Person) -> None:
    """Write somebody who can sign in from `not_before` on."""
    connection.execute(sa.insert(person).values(asdict(new)))
