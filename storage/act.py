"""One permitted act, as whoever carries it out receives it (law 2): whose it is, and under which record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import witness
from storage.database import after_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What the door permitted. Rooms take it, and write its record's id into the rows they change.

    What is noted here stands in the outcome record, also when what follows fails.
    """

    actor: str  # subject id of who asked
    record: str  # id of the record that permitted it
    at: datetime
    department: str  # that owns the object
    approver: str = ""  # subject id of the second person; "" where none was needed
    request: str = ""  # id of the parked request that was sent again: of the record it was asked under; "" for none
    notes: dict[str, str | int] = field(default_factory=dict, repr=False, compare=False)

    def note(self, facts: Mapping[str, str | int]) -> None:
        """Say this of what was done in the outcome record."""
        self.notes.update(facts)

    def witness(self, connection: Connection, table: sa.Table, *identifiers: object) -> None:
        """Note what these rows of `table` are now; called in the transaction that wrote them, noted once it commits.

        `identifiers` are values of the primary key. Raises sqlalchemy's NoResultFound.
        """
        seen = dict(witness.describe_row(connection, table, identifier) for identifier in identifiers)
        after_commit(connection, lambda: self.notes.update(seen))

    def witness_deleted(self, connection: Connection, table: sa.Table, *identifiers: object) -> None:
        """The same for rows that this transaction deleted."""
        seen = dict(witness.describe_deleted(table, identifier) for identifier in identifiers)
        after_commit(connection, lambda: self.notes.update(seen))
