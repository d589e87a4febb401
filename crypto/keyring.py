"""The keyring: keys with versions, their rows and their life. What they are made of is wrapped by keys/kek.key.

Every change is a step of the epoch, counted in its own transaction; its row names the record of the act that made it,
and the act says in its record what the row became.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto import lifecycle, store
from crypto.aead import Seal
from crypto.algorithms import INTERNATIONAL, SUITES, Suite
from crypto.envelope import version_id
from crypto.errors import KeyDamaged, KeyExists, KeyInUse, KeyUnknown, SealInvalid, TooManyKeys
from crypto.key_rows import (
    Key,
    KeyUsage,
    Material,
    as_keys,
    as_version,
    generate_material,
    purpose_of,
    row_of,
    version_row,
    versions_of,
)
from crypto.lifecycle import State, Version
from storage import advisory
from storage.act import Act
from storage.database import Database
from storage.epoch import EpochSource

PAGE_KEYS = 50
MAX_KEYS = 200  # of one department
T = TypeVar("T")


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

    def create(self, department: str, name: str, usage: KeyUsage, act: Act) -> Key:
        """Make a key with one active version of the department's suite. Raises KeyExists, TooManyKeys."""
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
            row |= {"created_at": act.at, "created_by": act.actor, "record": act.record}
            connection.execute(sa.insert(store.key).values(row))
            self._insert(connection, row, suite, number=1, state=State.ACTIVE, act=act)
            act.witness(connection, store.key, row["id"])
            key = as_keys(connection, [row])[0]
            self._count_change(connection, key.id, [1], act)
            return key

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

    def unfinished_rotations(self) -> list[Key]:
        """Return the keys whose rotation began and did not end."""
        begun = sa.select(store.key_version.c.key).where(store.key_version.c.state == State.PUBLISHED)
        with self._database.transaction() as connection:
            query = sa.select(store.key).where(store.key.c.id.in_(begun)).limit(PAGE_KEYS)
            return as_keys(connection, connection.execute(query).mappings().all())

    def rotate(self, key: Key, act: Act, *, effective: Callable[[int], T]) -> tuple[Key, T]:
        """Make the next version of `key` the active one; return the key, and the receipt that every gateway knows.

        Every gateway has the version before anything is sealed with it: `effective(epoch)` waits until they decide by
        that epoch, and they load the ring before they say so. A process that is killed in between leaves a published
        version; the next rotation goes on with that one. Raises KeyUnknown.
        """
        number, epoch = self.publish(key, act)
        effective(epoch)
        receipt = effective(self.activate(key.id, number, act))
        return self.key(key.department, key.name), receipt

    def publish(self, key: Key, act: Act) -> tuple[int, int]:
        """Make the next version, or find the one that was made; return its number and the epoch of this step."""
        suite = self.suite(key.department)
        with self._database.transaction() as connection:
            row, versions = self._lock(connection, key.id)
            begun = lifecycle.published_version(versions)
            number = begun.number if begun else lifecycle.next_number(versions)
            if begun is None:
                self._insert(connection, dict(row), suite, number=number, state=State.PUBLISHED, act=act)
            return number, self._count_change(connection, key.id, [number], act)

    def activate(self, key: str, number: int, act: Act) -> int:
        """Seal with this version from here on; the one before still opens. Return the epoch of this step.

        Twice is as good as once. The moment is that of the change, for the life of both versions is counted from it.
        """
        now, version = self._clock(), store.key_version
        with self._database.transaction() as connection:
            _, versions = self._lock(connection, key)
            begun = lifecycle.published_version(versions)
            changed = [number]
            if begun is not None and begun.number == number:
                before = lifecycle.active_version(versions)
                changed = [before.number, number]
                for one, values in (
                    (before, {"state": State.DECRYPT_ONLY, "closed_at": now}),
                    (begun, {"state": State.ACTIVE, "active_at": now}),
                ):
                    mine = sa.update(version).where(version.c.id == version_id(key, one.number))
                    connection.execute(mine.values(**values, state_record=act.record))
            return self._count_change(connection, key, changed, act)

    def retire(self, key: str, number: int, act: Act) -> int:
        """Destroy a version that is only there to open, and return the epoch of this step.

        Raises KeyInUse for any other version, KeyUnknown.
        """
        with self._database.transaction() as connection:
            _, versions = self._lock(connection, key)
            if not any(one.number == number and one.state is State.DECRYPT_ONLY for one in versions):
                raise KeyInUse(f"version {number} is not decrypt-only")
            gone = {"state": State.RETIRED, "retired_at": act.at, "material": b"", "state_record": act.record}
            mine = store.key_version.c.id == version_id(key, number)
            connection.execute(sa.update(store.key_version).where(mine).values(gone))
            return self._count_change(connection, key, [number], act)

    def note_references(self, key: str, references: Mapping[int, int]) -> None:
        """Write down how many values were found under each version: version number → count."""
        with self._database.transaction() as connection:
            for number, count in sorted(references.items()):
                mine = sa.update(store.key_version).where(store.key_version.c.id == version_id(key, number))
                connection.execute(mine.values(reference_count=count, counted_at=self._clock()))

    def choose_suite(self, department: str, suite: Suite, act: Act) -> None:
        """Make the department's next keys and versions of this suite."""
        with self._database.transaction() as connection:
            advisory.hold(connection, f"keys {department}")
            connection.execute(sa.delete(store.key_suite).where(store.key_suite.c.department == department))
            row = {"department": department, "suite": suite.name, "record": act.record}
            connection.execute(sa.insert(store.key_suite).values(row))
            act.witness(connection, store.key_suite, department)

    def suite(self, department: str) -> Suite:
        """Return the suite that the department, or the nearest above it, chose; international where none did."""
        query = sa.select(store.key_suite.c.department, store.key_suite.c.suite)
        with self._database.transaction() as connection:
            chosen = {row.department: row.suite for row in connection.execute(query)}
        return next((SUITES[chosen[one]] for one in self._chain(department) if one in chosen), INTERNATIONAL)

    def material(self, department: str, name: str, *, number: int | None = None) -> tuple[KeyUsage, Material]:
        """Return the usage of a key, and a version that may be used: the active one, or `number` if it still opens.
        Raises KeyUnknown, SealInvalid.
        """
        with self._database.transaction() as connection:
            row = row_of(connection, department, name)
            mine = versions_of(connection, [row["id"]])
        for one in mine:
            version = as_version(one)
            if (version.state is State.ACTIVE) if number is None else (version.number == number and version.opens):
                return KeyUsage(row["usage"]), self._material(one)
        raise SealInvalid

    def live_versions(self, department: str, name: str) -> tuple[Key, list[Material]]:
        """Return a key with every version that was not destroyed, one that is only published too. Raises KeyUnknown."""
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

    def _lock(self, connection: Connection, key: str) -> tuple[sa.RowMapping, list[Version]]:
        """The key's row, held until the transaction ends, and its versions. Raises KeyUnknown."""
        query = sa.select(store.key).where(store.key.c.id == key).with_for_update()
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise KeyUnknown
        return row, [as_version(one) for one in versions_of(connection, [key])]

    def _count_change(self, connection: Connection, key: str, numbers: Sequence[int], act: Act) -> int:
        """Witness these versions and return the epoch; the last in its transaction, as a step of the epoch must be."""
        act.witness(connection, store.key_version, *(version_id(key, number) for number in numbers))
        return self._epochs.bump(connection, [("key", key)])

    def _insert(
        self, connection: Connection, key: Mapping[str, Any], suite: Suite, *, number: int, state: State, act: Act
    ) -> None:
        algorithm, secret, public = generate_material(KeyUsage(key["usage"]), suite)
        row = version_row(key["id"], number, algorithm=algorithm, wrapping=self._wrapping, secret=secret, public=public)
        row |= {"state": state, "created_at": act.at, "active_at": act.at if state is State.ACTIVE else None}
        connection.execute(sa.insert(store.key_version).values(**row, record=act.record, state_record=act.record))
