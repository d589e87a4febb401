"""Access keys: how commands and the clock-job, which have no browser, say who they are."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from idp.errors import CredentialRejected
from idp.store import access_key, person
from storage.database import Database

LIFETIME = timedelta(days=90)  # unless something shorter is asked
_FORM = re.compile(r"cg_[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """Whom a key speaks for."""

    subject: str
    name: str  # "" for a machine
    department: str | None
    assurance: int
    expires_at: datetime


def issue(connection: Connection, subject: str, *, assurance: int, expires_at: datetime, record: str) -> str:
    """Store a new key for `subject` and return it; it is not kept and cannot be shown again."""
    key = "cg_" + secrets.token_urlsafe(32)
    row = {"subject": subject, "assurance": assurance, "expires_at": expires_at, "record": record}
    connection.execute(sa.insert(access_key).values(digest=digest(key), **row))
    return key


def digest(key: str) -> bytes:
    """SHA-256 of a well-formed key. Raises CredentialRejected."""
    if not _FORM.fullmatch(key):
        raise CredentialRejected
    return hashlib.sha256(key.encode()).digest()


class AccessKeys:
    """Finds who a key speaks for, and ends the keys of whoever may no longer act. Called from threads."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def find(self, key_digest: bytes) -> KeyHolder:
        """Raises CredentialRejected for a key that is unknown or over."""
        query = (
            sa.select(
                access_key.c.subject,
                sa.func.coalesce(person.c.name, "").label("name"),
                person.c.department,
                access_key.c.assurance,
                access_key.c.expires_at,
            )
            .join_from(access_key, person, person.c.id == access_key.c.subject, isouter=True)
            .where(access_key.c.digest == key_digest, access_key.c.expires_at > self._clock())
        )
        row = self._database.alone(lambda connection: connection.execute(query).mappings().one_or_none())
        if row is None:
            raise CredentialRejected
        return KeyHolder(**row)

    def end(self, subject: str) -> int:
        """No key speaks for `subject` from now on; return how many did."""
        now = self._clock()
        mine = (access_key.c.subject == subject) & (access_key.c.expires_at > now)
        with self._database.transaction() as connection:
            return connection.execute(sa.update(access_key).where(mine).values(expires_at=now)).rowcount
