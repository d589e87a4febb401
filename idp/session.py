"""Server-side sessions: one per sign-in at the issuer, reached by a random cookie of its own on each host.

The cookie is 256 random bits and only its SHA-256 is stored. A new one is given at every sign-in and step-up
(ASVS 7.2.4); the session keeps the highest assurance it ever proved.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto.aead import Seal
from idp.directory import Directory
from idp.errors import CredentialRejected, LoginRejected, SessionUnknown
from idp.relying_party import Completed
from idp.store import host_session, person, session
from storage.database import Database

COOKIE = "__Host-citygate"
_FORM = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_PURPOSE = "session id token"
SESSIONS_LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in of one person, alive on one or more hosts."""

    id: str
    person: str
    name: str
    department: str | None
    host: str  # the cookie's; "" where sessions are listed
    assurance: int
    address: str
    started_at: datetime
    seen_at: datetime
    csrf: str  # what a form of this session on this host brings back; it outlives a step-up, as a kept form must


def digest(cookie: str) -> bytes:
    """SHA-256 of a well-formed cookie value. Raises CredentialRejected."""
    if not _FORM.fullmatch(cookie):
        raise CredentialRejected
    return hashlib.sha256(cookie.encode()).digest()


class Sessions:
    """Begins, finds, touches and ends sessions. Called from threads."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        *,
        clock: Callable[[], datetime],
        mint: Callable[[], str],
        idle: timedelta = timedelta(minutes=30),
        absolute: timedelta = timedelta(hours=8),
    ) -> None:
        self._database, self._seal, self._clock, self._mint = database, seal, clock, mint
        self._idle, self._absolute = idle, absolute

    def begin(self, login: Completed, *, person_id: str, host: str, address: str, previous: str, record: str) -> str:
        """Return the new cookie for `host`; the one the browser brought (`previous`, or "") stops working.

        Raises LoginRejected for a sign-in that does not count any more.
        """
        now, cookie = self._clock(), secrets.token_urlsafe(32)
        with self._database.transaction() as connection:
            if not _counts(connection, login, person_id):
                raise LoginRejected("signed out since", return_to=login.return_to)
            same = (session.c.iss == login.iss) & (session.c.sid == login.sid) & (session.c.person == person_id)
            newest = sa.select(session).where(same, *self._alive(now)).order_by(session.c.started_at.desc())
            held = connection.execute(newest).mappings().first()
            values = {"assurance": login.assurance, "seen_at": now, "id_token": self._sealed(login.id_token)}
            if held:
                values["assurance"] = max(held["assurance"], login.assurance)
                connection.execute(sa.update(session).where(session.c.id == held["id"]).values(values))
            identifier = held["id"] if held else self._mint()
            if not held:
                values |= {"id": identifier, "person": person_id, "iss": login.iss, "sid": login.sid}
                values |= {"address": address, "started_at": now, "record": record}
                connection.execute(sa.insert(session).values(values))
            if _FORM.fullmatch(previous):
                connection.execute(sa.delete(host_session).where(host_session.c.digest == digest(previous)))
            connection.execute(sa.insert(host_session).values(digest=digest(cookie), session=identifier, host=host))
        return cookie

    def find(self, cookie_digest: bytes) -> Session:
        """The live session behind a cookie. Raises SessionUnknown: ended, too old, idle too long, or never there."""
        query = (
            sa.select(*_COLUMNS, host_session.c.host)
            .join_from(session, host_session, host_session.c.session == session.c.id)
            .join(person, person.c.id == session.c.person)
            .where(host_session.c.digest == cookie_digest, *self._alive(self._clock()))
        )
        with self._database.transaction() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise SessionUnknown
        return Session(**row, csrf=self._csrf(row["id"], row["host"]))

    def is_alive(self, found: Session, now: datetime) -> bool:
        """Whether a session found earlier is still within both lifetimes; `touch` moves the idle one."""
        return now < found.seen_at + self._idle and now < found.started_at + self._absolute

    def touch(self, identifiers: Iterable[str]) -> None:
        """Somebody used these sessions just now."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.update(session).where(session.c.id.in_(sorted(identifiers))).values(seen_at=self._clock())
            )

    def of(self, person_id: str) -> list[Session]:
        """A person's live sessions, newest first."""
        query = (
            sa.select(*_COLUMNS, sa.literal("").label("host"))
            .join(person, person.c.id == session.c.person)
            .where(session.c.person == person_id, *self._alive(self._clock()))
        )
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(session.c.started_at.desc()).limit(SESSIONS_LISTED)).mappings()
            return [Session(**row, csrf="") for row in rows]

    def before(self, current: str, *, person_id: str) -> Session | None:
        """The person's sign-in before this one, over or not."""
        query = (
            sa.select(*_COLUMNS, sa.literal("").label("host"))
            .join(person, person.c.id == session.c.person)
            .where(session.c.person == person_id, session.c.id != current)
        )
        with self._database.transaction() as connection:
            row = connection.execute(query.order_by(session.c.started_at.desc()).limit(1)).mappings().first()
        return Session(**row, csrf="") if row else None

    def hosts(self, identifier: str) -> list[str]:
        """Where a session is known."""
        query = sa.select(host_session.c.host).where(host_session.c.session == identifier).distinct()
        with self._database.transaction() as connection:
            return sorted(connection.execute(query).scalars())

    def end(self, identifier: str, *, person_id: str, record: str) -> str:
        """End one session of this person; return its ID token, for the issuer's logout. Raises SessionUnknown."""
        with self._database.transaction() as connection:
            mine = (session.c.id == identifier) & (session.c.person == person_id)
            sealed = connection.execute(
                sa.select(session.c.id_token).where(mine, session.c.ended_at.is_(None))
            ).scalar_one_or_none()
            if sealed is None:
                raise SessionUnknown
            self._end(connection, session.c.id == identifier, record)
        return self._seal.open(sealed, purpose=_PURPOSE).decode()

    def end_all(self, person_id: str, directory: Directory, *, record: str) -> list[str]:
        """End every session of this person and refuse sign-ins made before now; return the sessions' ids."""
        now = self._clock()
        with self._database.transaction() as connection:
            mine = (session.c.person == person_id) & session.c.ended_at.is_(None)
            ended = list(connection.execute(sa.select(session.c.id).where(mine)).scalars())
            self._end(connection, mine, record)
            directory.sign_out_everywhere(connection, person_id, at=now)
        return ended

    def ended_within(self, seconds: float) -> list[str]:
        """Sessions that were ended in the last so many seconds."""
        lately = sa.select(session.c.id).where(session.c.ended_at > self._clock() - timedelta(seconds=seconds))
        with self._database.transaction() as connection:
            return list(connection.execute(lately).scalars())

    def sweep(self) -> int:
        """Forget host cookies of sessions that are over; return how many."""
        over = sa.select(session.c.id).where(~sa.and_(*self._alive(self._clock())))
        with self._database.transaction() as connection:
            return connection.execute(sa.delete(host_session).where(host_session.c.session.in_(over))).rowcount

    def _end(self, connection: Connection, which: sa.ColumnElement[bool], record: str) -> None:
        inside = sa.select(session.c.id).where(which)
        connection.execute(sa.delete(host_session).where(host_session.c.session.in_(inside)))
        connection.execute(
            sa.update(session).where(which).values(ended_at=self._clock(), end_record=record, id_token=b"")
        )

    def _alive(self, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            session.c.ended_at.is_(None),
            session.c.seen_at > now - self._idle,
            session.c.started_at > now - self._absolute,
        )

    def _csrf(self, identifier: str, host: str) -> str:
        return self._seal.mac(f"{identifier} {host}".encode(), purpose="session form").hex()[:32]

    def _sealed(self, id_token: str) -> bytes:
        return self._seal.seal(id_token.encode(), purpose=_PURPOSE)


def _counts(connection: Connection, login: Completed, person_id: str) -> bool:
    """In the transaction that begins the session too, so that none slips past a sign-out (ASVS 15.4.2).

    The issuer's sign-on may outlive a session that was ended here: it must not quietly bring it back.
    """
    not_before = connection.execute(sa.select(person.c.not_before).where(person.c.id == person_id)).scalar_one()
    same = (session.c.iss == login.iss) & (session.c.sid == login.sid) & (session.c.person == person_id)
    ended = sa.select(sa.func.count()).select_from(session).where(same, session.c.ended_at > login.auth_time)
    return login.auth_time >= not_before and not connection.execute(ended).scalar_one()


_COLUMNS = (
    session.c.id,
    session.c.person,
    person.c.name,
    person.c.department,
    session.c.assurance,
    session.c.address,
    session.c.started_at,
    session.c.seen_at,
)
