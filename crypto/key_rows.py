"""The rows of keys and versions, and the values they are read as. What a version is made of is bound to its place."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto import lifecycle, store
from crypto.aead import Seal
from crypto.algorithms import SIGNING, SUITES, Suite
from crypto.envelope import version_id
from crypto.errors import KeyUnknown
from crypto.lifecycle import State, Version

MAC = "HMAC-SHA256"
_MAC_BYTES = 32


class KeyUsage(StrEnum):
    """What a key is for. The last two serve the platform alone."""

    ENCRYPT = "encrypt"
    SIGN = "sign"
    PLATFORM = "platform"  # seals sessions and secrets
    FORMS = "forms"  # authenticates forms: it opens nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key and its versions, oldest first."""

    id: str
    department: str
    name: str
    usage: KeyUsage
    created_at: datetime
    created_by: str
    record: str
    versions: tuple[Version, ...]

    @property
    def active(self) -> Version:
        return lifecycle.active_version(self.versions)


@dataclass(frozen=True, slots=True)
class Material:
    """What a version is made of. Only code that is about to use it asks for it."""

    key: str
    version: Version
    secret: bytes
    public: bytes

    def __repr__(self) -> str:
        return f"Material({self.key}, {self.version.number})"


def generate_material(usage: KeyUsage, suite: Suite) -> tuple[str, bytes, bytes]:
    """Return the algorithm of a new version, its secret, and its public key (empty if it has none)."""
    if usage is KeyUsage.FORMS:
        return MAC, secrets.token_bytes(_MAC_BYTES), b""
    if usage is KeyUsage.SIGN:
        secret = suite.signing.generate()
        return suite.signing.name, secret, suite.signing.public(secret)
    return suite.sealing.name, secrets.token_bytes(suite.sealing.key_bytes), b""


def version_row(
    key: str, number: int, *, algorithm: str, wrapping: Seal, secret: bytes, public: bytes = b""
) -> dict[str, Any]:
    """Return the columns that say what a version is made of. The secret in them is wrapped, and opens for this key,
    number and algorithm alone.
    """
    material = wrapping.seal(secret, purpose=purpose_of(key, number, algorithm))
    row = {"id": version_id(key, number), "key": key, "number": number, "algorithm": algorithm}
    return row | {"material": material, "public": public}


def purpose_of(key: str, number: int, algorithm: str) -> str:
    """Return the purpose for which the secret of a version is wrapped."""
    return f"key version {key} {number} {algorithm}"


def row_of(connection: Connection, department: str, name: str) -> sa.RowMapping:
    """Return the row of the key `name` of `department`. Raises KeyUnknown."""
    mine = (store.key.c.department == department) & (store.key.c.name == name)
    row = connection.execute(sa.select(store.key).where(mine)).mappings().one_or_none()
    if row is None:
        raise KeyUnknown
    return row


def versions_of(connection: Connection, keys: Iterable[str]) -> Sequence[sa.RowMapping]:
    """Return the rows of the versions of these keys (ids), each key's oldest first."""
    query = sa.select(store.key_version).where(store.key_version.c.key.in_(list(keys)))
    return connection.execute(query.order_by(store.key_version.c.key, store.key_version.c.number)).mappings().all()


def as_version(row: sa.RowMapping) -> Version:
    """Return a version's row as a value, without its secret."""
    signing = SIGNING.get(row["algorithm"])
    suite = next(one for one in SUITES.values() if one.signing is signing) if signing else None
    names = ("number", "algorithm", "created_at", "active_at", "closed_at", "retired_at", "reference_count")
    return Version(
        **{name: row[name] for name in names},
        state=State(row["state"]),
        counted_at=row["counted_at"],
        fingerprint=suite.hashing.digest(row["public"]).hex() if suite else "",
        record=row["state_record"],
    )


def as_keys(connection: Connection, rows: Sequence[Any]) -> list[Key]:
    """Return these rows of keys as values, with their versions."""
    versions: dict[str, list[Version]] = {row["id"]: [] for row in rows}
    for one in versions_of(connection, versions):
        versions[one["key"]].append(as_version(one))
    return [Key(**{**row, "usage": KeyUsage(row["usage"])}, versions=tuple(versions[row["id"]])) for row in rows]
