"""The platform's first keys: made when a city is founded, or out of the one key of a city that was founded before."""

import contextlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto import store
from crypto.aead import Seal
from crypto.algorithms import AES_256_GCM
from crypto.envelope import version_id
from crypto.errors import KeyFileUnsafe, SealInvalid
from crypto.key_rows import MAC, Usage, purpose_of, version_row
from crypto.lifecycle import State
from crypto.local_keys import KEY_BYTES, create, load
from crypto.platform import CITY, FORMS, PLATFORM
from storage import advisory
from storage.database import Database
from storage.witness import of

KEK_FILE, OLD_FILE = "kek.key", "seal.key"  # in the folder of keys; the old one is version 1's
_RESTORE = "put it back from where it is kept; nothing that this city sealed opens without it, and no new one is made"


def first_keys(
    connection: Connection, wrapping: Seal, first: bytes, *, ids: tuple[str, str], at: datetime, record: str
) -> None:
    """Write version 1 of the platform's key and of the forms' key, both active. `first` is what the platform's is made
    of, `ids` are the ids of the two keys, `record` is that of the founding.
    """
    made = ((PLATFORM, AES_256_GCM.name, first), (FORMS, MAC, secrets.token_bytes(KEY_BYTES)))
    for identifier, (name, algorithm, secret) in zip(ids, made, strict=True):
        row = {"id": identifier, "department": CITY, "name": name, "usage": Usage(name), "created_at": at}
        connection.execute(sa.insert(store.key).values(**row, created_by="bootstrap", record=record))
        version = version_row(identifier, 1, algorithm=algorithm, wrapping=wrapping, secret=secret)
        version |= {"state": State.ACTIVE, "created_at": at, "active_at": at}
        connection.execute(sa.insert(store.key_version).values(**version, record=record, state_record=record))


def wrapping_of(folder: Path) -> Seal:
    """Return the KEK in the key file `keys/kek.key` of `folder`. Raises KeyFileUnsafe, which says what to do."""
    if not (folder / KEK_FILE).exists():
        raise KeyFileUnsafe(f"key file `{KEK_FILE}` is gone: {_RESTORE}")
    return Seal(load(folder / KEK_FILE))


def adopt(
    database: Database,
    folder: Path,
    *,
    ids: tuple[str, str],
    at: datetime,
    record: str,
    tell: Callable[[Mapping[str, str]], None],
) -> None:
    """Make `seal.key` of a city that was founded before there was a keyring version 1 of the platform's key.

    A key file is made only where no key was ever kept. Of several processes that start at once, one does it. `tell`
    gets the digests of the rows and records them before they count. Raises KeyFileUnsafe.
    """
    with database.transaction() as connection:
        advisory.hold(connection, "first keys")
        if connection.execute(sa.select(store.key.c.id).limit(1)).first():
            return
        if not (folder / OLD_FILE).exists():
            raise KeyFileUnsafe(f"key file `{OLD_FILE}` is gone and no key was kept yet: {_RESTORE}")
        first = load(folder / OLD_FILE)
        if not (folder / KEK_FILE).exists():
            with contextlib.suppress(FileExistsError):
                create(folder / KEK_FILE)
        first_keys(connection, wrapping_of(folder), first, ids=ids, at=at, record=record)
        keys = [of(connection, store.key, one) for one in ids]
        tell(dict([*keys, *(of(connection, store.key_version, version_id(one, 1)) for one in ids)]))


def check(database: Database, wrapping: Seal) -> None:
    """Check that the key file opens the rows of this database. Returns nothing. Raises KeyFileUnsafe if it is another
    city's, or of another time.
    """
    row = sa.select(store.key_version).where(store.key_version.c.state != State.RETIRED).limit(1)
    with database.transaction() as connection:
        one = connection.execute(row).mappings().one()
    try:
        wrapping.open(one["material"], purpose=purpose_of(one["key"], one["number"], one["algorithm"]))
    except SealInvalid:
        raise KeyFileUnsafe(f"key file `{KEK_FILE}` does not open this city's keys: {_RESTORE}") from None
