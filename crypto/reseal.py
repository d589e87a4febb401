"""Everything that the platform sealed is found, counted by version, and sealed anew by the active one, in batches.

A place is where such values are kept. A value is replaced only if it is still the one that was read: what was changed
or forgotten meanwhile stays so. Whoever is killed in between has replaced some; the next run goes on with the rest.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from crypto import aead
from crypto.envelope import HEADER_BYTES
from crypto.errors import SealInvalid
from crypto.platform import PlatformSeal
from storage.database import Database
from storage.ephemeral import Ephemeral

BATCH = 200


@dataclass(frozen=True, slots=True)
class SealedValue:
    """One sealed value: where it is, and for what it was sealed."""

    id: str
    purpose: str
    sealed: bytes


class SealedPlace(Protocol):
    """A kind of place where sealed values are. Called from threads."""

    name: str

    def stale_values(self, current: bytes, *, after: str) -> tuple[Sequence[SealedValue], str]:
        """Return at most a batch of the values behind the cursor `after` that do not begin with `current`, and the next
        cursor, "" at the end.
        """

    def count(self, current: bytes) -> Counter[bytes]:
        """Return how many values do not begin with `current`, by what they begin with: a header, or the byte of format
        1.
        """

    def swap(self, kept: SealedValue, sealed: bytes) -> bool:
        """Put `sealed` in the place of `kept` if that is still there. Return whether it was."""

    def handle_unreadable(self, kept: SealedValue) -> None:
        """Deal with a value that does not open."""


class Column:
    """A column of a table that has an `id`. Empty values count for none."""

    def __init__(self, database: Database, column: sa.Column[Any], *, purpose: Callable[[sa.RowMapping], str]) -> None:
        self.name = f"{column.table.name}.{column.name}"
        self._database, self._column, self._purpose = database, column, purpose
        self._table = column.table

    def stale_values(self, current: bytes, *, after: str) -> tuple[Sequence[SealedValue], str]:
        """As `SealedPlace` says."""
        old = sa.select(self._table).where(self._old(current), self._table.c.id > after).order_by(self._table.c.id)
        with self._database.transaction() as connection:
            rows = connection.execute(old.limit(BATCH)).mappings().all()
        kept = [SealedValue(row["id"], self._purpose(row), row[self._column.name]) for row in rows]
        return kept, kept[-1].id if len(kept) == BATCH else ""

    def count(self, current: bytes) -> Counter[bytes]:
        """As `SealedPlace` says."""
        first = sa.func.substr(self._column, 1, 1)
        begins = sa.case((first == aead.FORMAT, first), else_=sa.func.substr(self._column, 1, HEADER_BYTES))
        query = (
            sa.select(begins.label("begins"), sa.func.count().label("number"))
            .where(self._old(current))
            .group_by("begins")
        )
        with self._database.transaction() as connection:
            return Counter({bytes(row.begins): row.number for row in connection.execute(query)})

    def swap(self, kept: SealedValue, sealed: bytes) -> bool:
        """As `SealedPlace` says."""
        same = (self._table.c.id == kept.id) & (self._column == kept.sealed)
        with self._database.transaction() as connection:
            update = sa.update(self._table).where(same).values({self._column.name: sealed})
            return connection.execute(update).rowcount == 1

    def handle_unreadable(self, kept: SealedValue) -> None:
        """Leave it: it keeps its version from retiring until somebody looks."""

    def _old(self, current: bytes) -> sa.ColumnElement[bool]:
        return (sa.func.length(self._column) > 0) & (sa.func.substr(self._column, 1, len(current)) != current)


class Forgettable:
    """Values in the store of what may be forgotten, under keys of one prefix, each sealed for its own key."""

    def __init__(self, ephemeral: Ephemeral, prefix: str) -> None:
        self.name, self._ephemeral, self._prefix = f"ephemeral {prefix}", ephemeral, prefix

    def stale_values(self, current: bytes, *, after: str) -> tuple[Sequence[SealedValue], str]:
        """As `SealedPlace` says."""
        found, on = self._ephemeral.look(self._prefix, after=after, limit=BATCH)
        return [SealedValue(key, key, value) for key, value in found if not value.startswith(current)], on

    def count(self, current: bytes) -> Counter[bytes]:
        """As `SealedPlace` says."""
        counted, after = Counter[bytes](), ""
        while True:
            kept, after = self.stale_values(current, after=after)
            for one in kept:
                counted[one.sealed[: 1 if one.sealed[:1] == aead.FORMAT else HEADER_BYTES]] += 1
            if not after:
                return counted

    def swap(self, kept: SealedValue, sealed: bytes) -> bool:
        """As `SealedPlace` says; its time stays what it was."""
        return self._ephemeral.swap(kept.id, kept.sealed, sealed)

    def handle_unreadable(self, kept: SealedValue) -> None:
        """Remove it: it led nowhere."""
        self._ephemeral.remove(kept.id)


@dataclass(slots=True)
class ResealRun:
    """What one run did."""

    resealed: int = 0
    unreadable: int = 0
    whole: bool = True  # it came to the end


def reseal(seal: PlatformSeal, places: Sequence[SealedPlace], *, more: Callable[[], bool]) -> ResealRun:
    """Seal every value anew that is not sealed by the active version, for as long as `more()` is true.
    Return what was done.
    """
    done = ResealRun()
    for place in places:
        after = ""
        while True:
            kept, after = place.stale_values(seal.ring.active.header, after=after)
            for one in kept:
                try:
                    opened = seal.open(one.sealed, purpose=one.purpose)
                except SealInvalid:
                    done.unreadable += 1
                    place.handle_unreadable(one)
                    continue
                done.resealed += place.swap(one, seal.seal(opened, purpose=one.purpose))
            if not after:
                break
            if not more():
                done.whole = False
                return done
    return done


def references(seal: PlatformSeal, places: Sequence[SealedPlace]) -> Counter[int]:
    """Return how many values are sealed under each version that is not the active one."""
    counted = Counter[int]()
    for place in places:
        for begins, number in place.count(seal.ring.active.header).items():
            version = seal.version_of(begins)
            if version is not None:
                counted[version] += number
    return counted
