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
from crypto.key_rows import MAC, KeyUsage, purpose_of, version_row
from crypto.lifecycle import State
from crypto.local_keys import KEY_BYTES, create, load
from crypto.platform import CITY, FORMS, PLATFORM
from storage import advisory
from storage.act import Act
from storage.database import Database
from storage.witness import describe_row

KEK_FILE, OLD_FILE = "kek.key", "seal.key"  # in the folder of keys; the old one is version 1's
_RESTORE = "put it back from where it is kept; nothing that this city sealed opens without it, and no new one is made"


def write_first_keys(connection: Connection, wrapping: Seal, first: bytes, *, ids: tuple[str, str], act: Act) -> None:
    """Write version 1 of both keys, active; `first` is what the platform's is made of, `ids` are the two keys'."""
    materials = ((PLATFORM, AES_256_GCM.name, first), (FORMS, MAC, secrets.token_bytes(KEY_BYTES)))
    for identifier, (name, algorithm, secret) in zip(ids, materials, strict=True):
        row = {"id": identifier, "department": CITY, "name": name, "usage": KeyUsage(name), "created_at": act.at}
        connection.execute(sa.insert(store.key).values(**row, created_by=act.actor, record=act.record))
        version = version_row(identifier, 1, algorithm=algorithm, wrapping=wrapping, secret=secret)
        version |= {"state": State.ACTIVE, "created_at": act.at, "active_at": act.at}
        connection.execute(sa.insert(store.key_version).values(**version, record=act.record, state_record=act.record))


def founding_act(*, record: str, at: datetime) -> Act:
    """Return the act under which a city's first keys are written; nobody asked for it at the door."""
    return Act(actor="bootstrap", record=record, at=at, department=CITY)


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
    act: Act,
    write_record: Callable[[Mapping[str, str]], None],
) -> None:
    """Make `seal.key` of a city that was founded before there was a keyring version 1 of its platform key.

    Only where no key was ever kept is a key file made. Of several processes that start at once, one does it.
    `write_record` writes the record of `act`, with the witness of the rows, before they are committed. Raises
    KeyFileUnsafe, and what `write_record` raises; then no row is written.
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
        write_first_keys(connection, wrapping_of(folder), first, ids=ids, act=act)
        keys = [describe_row(connection, store.key, one) for one in ids]
        write_record(dict([*keys, *(describe_row(connection, store.key_version, version_id(one, 1)) for one in ids)]))


def check_key_file(database: Database, wrapping: Seal) -> None:
    """See whether the key file opens this city's keys. Raises KeyFileUnsafe where it is another city's or time's."""
    row = sa.select(store.key_version).where(store.key_version.c.state != State.RETIRED).limit(1)
    with database.transaction() as connection:
        version = connection.execute(row).mappings().one()
    try:
        wrapping.open(version["material"], purpose=purpose_of(version["key"], version["number"], version["algorithm"]))
    except SealInvalid:
        raise KeyFileUnsafe(f"key file `{KEK_FILE}` does not open this city's keys: {_RESTORE}") from None
