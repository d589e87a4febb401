"""The keyring: keys with versions, their rows and their life. What they are made of is wrapped by keys/kek.key.

Every change is a step of the epoch, counted in its own transaction, and its row names the record it was made under.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto import lifecycle, store
from crypto.aead import Seal
from crypto.algorithms import INTERNATIONAL, SUITES, Suite
from crypto.envelope import version_id
from crypto.errors import KeyDamaged, KeyExists, KeyInUse, KeyUnknown, SealInvalid, TooManyKeys
from crypto.key_rows import (
    Key,
    Material,
    Usage,
    as_keys,
    as_version,
    made,
    purpose_of,
    row_of,
    version_row,
    versions_of,
)
from crypto.lifecycle import State, Version
from storage import advisory
from storage.database import Database
from storage.epoch import EpochSource
from storage.witness import of

PAGE_KEYS = 50
MAX_KEYS = 200  # of one department
T = TypeVar("T")


class Written(NamedTuple):
    """What a change returns: the epoch from which it counts, and the digests of its rows for the record."""

    epoch: int
    witness: dict[str, str]


class Keyring:
    """Makes, rotates and retires keys. Called from threads. Every method may raise StorageUnavailable."""

    def __init__(
        self,
        database: Database,
        wrapping: Seal,
        *,
        epochs: EpochSource,
        chain: Callable[[str], Sequence[str]],
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        """`wrapping` holds the KEK of the key file; `chain` names a department and those above it, nearest first.

        `chain` may ask the database, so it is never called inside a transaction.
        """
        self._database, self._wrapping, self._epochs = database, wrapping, epochs
        self._chain, self._clock, self._mint = chain, clock, mint

    def create(self, department: str, name: str, usage: Usage, *, actor: str, record: str) -> tuple[Key, Written]:
        """Make the key `name` of `department`, with an active version of the department's suite. `actor` made it, under
        `record`. Raises KeyExists, TooManyKeys.
        """
        suite = self.suite(department)
        with self._database.transaction() as connection:
            advisory.hold(connection, f"keys {department}")
            mine = sa.select(store.key.c.name).where(store.key.c.department == department)
            names = set(connection.execute(mine).scalars())
            if name in names:
                raise KeyExists(f"key `{name}` exists in `{department}`")
            if len(names) >= MAX_KEYS:
                raise TooManyKeys(f"`{department}` has {MAX_KEYS} keys")
            row: dict[str, Any] = {"id": self._mint(), "department": department, "name": name, "usage": usage}
            row |= {"created_at": self._clock(), "created_by": actor, "record": record}
            connection.execute(sa.insert(store.key).values(row))
            self._insert(connection, row, suite, number=1, state=State.ACTIVE, record=record)
            witness = dict([of(connection, store.key, row["id"])])
            written = self._written(connection, row["id"], [1])
            return as_keys(connection, [row])[0], Written(written.epoch, witness | written.witness)

    def key(self, department: str, name: str) -> Key:
        """Return the key `name` of `department`. Raises KeyUnknown."""
        with self._database.transaction() as connection:
            return as_keys(connection, [row_of(connection, department, name)])[0]

    def keys(self, department: str | None = None, *, after: tuple[str, str] = ("", "")) -> list[Key]:
        """Return one page of keys by department and name: those of `department`, or of the whole city. `after` is the
        (department, name) of the page before.
        """
        place = sa.tuple_(store.key.c.department, store.key.c.name)
        query = sa.select(store.key).where(place > after).order_by(store.key.c.department, store.key.c.name)
        if department is not None:
            query = query.where(store.key.c.department == department)
        with self._database.transaction() as connection:
            return as_keys(connection, connection.execute(query.limit(PAGE_KEYS)).mappings().all())

    def unfinished(self) -> list[Key]:
        """Return the keys whose rotation began and did not end."""
        begun = sa.select(store.key_version.c.key).where(store.key_version.c.state == State.PUBLISHED)
        with self._database.transaction() as connection:
            query = sa.select(store.key).where(store.key.c.id.in_(begun)).limit(PAGE_KEYS)
            return as_keys(connection, connection.execute(query).mappings().all())

    def rotate(self, key: Key, *, record: str, effective: Callable[[int], T]) -> tuple[Key, T, dict[str, str]]:
        """Make the next version of `key` the active one. Return the key, what `effective` returned, and the digests for
        the record.

        Every gateway has the version before anything is sealed with it: `effective(epoch)` waits until they decide by
        that epoch, and they load the ring before they say so. A process that is killed in between leaves a published
        version; the next rotation goes on with that one. Raises KeyUnknown.
        """
        number, published = self.publish(key, record=record)
        effective(published.epoch)
        activated = self.activate(key.id, number, record=record)
        told = effective(activated.epoch)
        return self.key(key.department, key.name), told, published.witness | activated.witness

    def publish(self, key: Key, *, record: str) -> tuple[int, Written]:
        """Make the next version of `key`, or find the one that a rotation began with. Return its number."""
        suite = self.suite(key.department)
        with self._database.transaction() as connection:
            held, versions = self._held(connection, key.id)
            begun = lifecycle.published(versions)
            number = begun.number if begun else lifecycle.next_number(versions)
            if begun is None:
                self._insert(connection, dict(held), suite, number=number, state=State.PUBLISHED, record=record)
            return number, self._written(connection, key.id, [number])

    def activate(self, key: str, number: int, *, record: str) -> Written:
        """Seal with version `number` from here on; the one before still opens. To do it twice changes nothing more."""
        now, version = self._clock(), store.key_version
        with self._database.transaction() as connection:
            _, versions = self._held(connection, key)
            begun = lifecycle.published(versions)
            changed = [number]
            if begun is not None and begun.number == number:
                changed = [lifecycle.active(versions).number, number]
                for one, values in (
                    (lifecycle.active(versions), {"state": State.DECRYPT_ONLY, "closed_at": now}),
                    (begun, {"state": State.ACTIVE, "active_at": now}),
                ):
                    mine = sa.update(version).where(version.c.id == version_id(key, one.number))
                    connection.execute(mine.values(**values, state_record=record))
            return self._written(connection, key, changed)

    def retire(self, key: str, number: int, *, record: str) -> Written:
        """Destroy what a decrypt-only version is made of.
        Raises KeyInUse for a version in any other state, KeyUnknown.
        """
        with self._database.transaction() as connection:
            _, versions = self._held(connection, key)
            if not any(one.number == number and one.state is State.DECRYPT_ONLY for one in versions):
                raise KeyInUse(f"version {number} is not decrypt-only")
            gone = {"state": State.RETIRED, "retired_at": self._clock(), "material": b"", "state_record": record}
            mine = store.key_version.c.id == version_id(key, number)
            connection.execute(sa.update(store.key_version).where(mine).values(gone))
            return self._written(connection, key, [number])

    def counted(self, key: str, references: dict[int, int]) -> None:
        """Note how many values were found under each version: `references` is number → count."""
        with self._database.transaction() as connection:
            for number, count in sorted(references.items()):
                mine = sa.update(store.key_version).where(store.key_version.c.id == version_id(key, number))
                connection.execute(mine.values(reference_count=count, counted_at=self._clock()))

    def choose(self, department: str, suite: Suite, *, record: str) -> dict[str, str]:
        """Make the department's next keys and versions of `suite`. Return the digest of the row for the record."""
        with self._database.transaction() as connection:
            advisory.hold(connection, f"keys {department}")
            connection.execute(sa.delete(store.key_suite).where(store.key_suite.c.department == department))
            row = {"department": department, "suite": suite.name, "record": record}
            connection.execute(sa.insert(store.key_suite).values(row))
            return dict([of(connection, store.key_suite, department)])

    def suite(self, department: str) -> Suite:
        """Return the suite that the department, or the nearest above it, chose; international where none did."""
        query = sa.select(store.key_suite.c.department, store.key_suite.c.suite)
        with self._database.transaction() as connection:
            chosen = {row.department: row.suite for row in connection.execute(query)}
        return next((SUITES[chosen[one]] for one in self._chain(department) if one in chosen), INTERNATIONAL)

    def material(self, department: str, name: str, *, number: int | None = None) -> tuple[Usage, Material]:
        """Return the usage of a key, and a version that may be used: the active one, or `number` if it still opens.
        Raises KeyUnknown, SealInvalid.
        """
        with self._database.transaction() as connection:
            row = row_of(connection, department, name)
            mine = versions_of(connection, [row["id"]])
        for one in mine:
            version = as_version(one)
            if (version.state is State.ACTIVE) if number is None else (version.number == number and version.opens):
                return Usage(row["usage"]), self._material(one)
        raise SealInvalid

    def live(self, department: str, name: str) -> tuple[Key, list[Material]]:
        """Return a key with every version that was not destroyed, also one that is only published.
        Raises KeyUnknown.
        """
        with self._database.transaction() as connection:
            row = row_of(connection, department, name)
            key, rows = as_keys(connection, [row])[0], versions_of(connection, [row["id"]])
        return key, [self._material(one) for one in rows if one["state"] != State.RETIRED]

    def _material(self, row: sa.RowMapping) -> Material:
        try:
            secret = self._wrapping.open(
                row["material"], purpose=purpose_of(row["key"], row["number"], row["algorithm"])
            )
        except SealInvalid:
            raise KeyDamaged from None
        return Material(row["key"], as_version(row), secret, row["public"])

    def _held(self, connection: Connection, key: str) -> tuple[sa.RowMapping, list[Version]]:
        """The key's row, held until the transaction ends, and its versions. Raises KeyUnknown."""
        query = sa.select(store.key).where(store.key.c.id == key).with_for_update()
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise KeyUnknown
        return row, [as_version(one) for one in versions_of(connection, [key])]

    def _written(self, connection: Connection, key: str, numbers: Sequence[int]) -> Written:
        """The last in its transaction, as a step of the epoch must be."""
        witness = dict(of(connection, store.key_version, version_id(key, number)) for number in numbers)
        return Written(self._epochs.bump(connection, [("key", key)]), witness)

    def _insert(
        self, connection: Connection, key: Mapping[str, Any], suite: Suite, *, number: int, state: State, record: str
    ) -> None:
        algorithm, secret, public = made(Usage(key["usage"]), suite)
        now = self._clock()
        row = version_row(key["id"], number, algorithm=algorithm, wrapping=self._wrapping, secret=secret, public=public)
        row |= {"state": state, "created_at": now, "active_at": now if state is State.ACTIVE else None}
        connection.execute(sa.insert(store.key_version).values(**row, record=record, state_record=record))
