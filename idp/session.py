"""Server-side sessions: one per sign-in at the issuer, reached by a random cookie of its own on each host.

The cookie is 256 random bits and only its SHA-256 is kept, where it may be forgotten; what it leads to is sealed for
it. The session's row says whether it is alive: a cookie that was forgotten, or put there by somebody else, opens
nothing. A new one is given at every sign-in and step-up (ASVS 7.2.4); the session keeps the highest assurance it ever
proved.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from crypto.aead import Sealer
from idp.cookies import Cookies
from idp.directory import Directory
from idp.errors import CredentialRejected, LoginRejected, SessionUnknown
from idp.recheck import Recheck
from idp.relying_party import Completed
from idp.session_rows import ABSOLUTE, IDLE, LISTED, LIVE, alive_at, hold_sessions, sign_in_counts
from idp.store import person, session
from storage.act import Act
from storage.database import Database
from storage.ephemeral import Ephemeral
from storage.epoch import EpochSource

COOKIE = "__Host-citygate"
_FORM = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
ID_TOKEN = "session id token"  # noqa: S105 - for what it is sealed, no secret
CHECKED_EVERY = timedelta(minutes=5)
SESSIONS_LISTED, _TOUCHED = 50, 1000  # at once; a statement takes only so many values


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
    device: str  # browser and system, as they call themselves; anybody may say anything
    csrf: str  # what a form of this session on this host brings back; it outlives a step-up, as a kept form must
    checked_at: datetime | None = None  # when the issuer last said that its sign-in counts; None: it cannot be asked


def digest(cookie: str) -> bytes:
    """SHA-256 of a well-formed cookie value. Raises CredentialRejected."""
    if not _FORM.fullmatch(cookie):
        raise CredentialRejected
    return hashlib.sha256(cookie.encode()).digest()


class Sessions:
    """Begins, finds, touches and ends sessions. Called from threads.

    What ends one counts the step of the epoch in the same transaction.
    """

    def __init__(
        self,
        database: Database,
        ephemeral: Ephemeral,
        seal: Sealer,
        *,
        epochs: EpochSource,
        revalidate: Callable[[str], str],
        sign_out: Callable[[str], None] = lambda _sub: None,
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        """`revalidate` asks the issuer with a refresh token and returns the next one.

        It raises LoginRejected when the sign-in no longer counts there, IssuerUnavailable when nobody can say.
        `sign_out` has the issuer end the sign-ons of a `sub`; it neither waits nor raises.
        """
        self._database, self._ephemeral, self._seal = database, ephemeral, seal
        self._epochs, self._clock, self._mint = epochs, clock, mint
        self._sign_out = sign_out
        self._cookies = Cookies(ephemeral, seal, seconds=int(ABSOLUTE.total_seconds()))
        self._recheck = Recheck(
            database, ephemeral, seal, revalidate=revalidate, end=self._end, clock=clock, every=CHECKED_EVERY
        )

    def begin(
        self, login: Completed, *, person_id: str, host: str, address: str, previous: str, act: Act, device: str = ""
    ) -> str:
        """Return the new cookie for `host`; the one the browser brought (`previous`, or "") stops working.

        Raises LoginRejected for a sign-in that does not count any more.
        """
        now, cookie = self._clock(), secrets.token_urlsafe(32)
        with self._database.transaction() as connection:
            if not sign_in_counts(connection, login, person_id):
                raise LoginRejected("signed out since", return_to=login.return_to)
            same = (session.c.iss == login.iss) & (session.c.sid == login.sid) & (session.c.person == person_id)
            newest = sa.select(session).where(same, *alive_at(now)).order_by(session.c.started_at.desc()).limit(1)
            held = connection.execute(newest.with_for_update()).mappings().first()
            identifier = held["id"] if held else self._mint()
            values = {"assurance": login.assurance, "seen_at": now, "id_token": self._sealed(login.id_token)}
            values |= {"device": device}
            values |= {
                "hosts": host,
                "checked_at": now,
                "refresh_token": self._recheck.seal_token_of(login, identifier),
            }
            if held:
                values["assurance"] = max(held["assurance"], login.assurance)
                values["hosts"] = " ".join(sorted({*held["hosts"].split(), host}))
                connection.execute(sa.update(session).where(session.c.id == identifier).values(values))
            else:
                values |= {"id": identifier, "person": person_id, "iss": login.iss, "sid": login.sid}
                values |= {"address": address, "started_at": now, "record": act.record}
                connection.execute(sa.insert(session).values(values))
        if _FORM.fullmatch(previous):
            self._cookies.forget(digest(previous))
        self._cookies.lead(digest(cookie), session=identifier, host=host)
        return cookie

    def look_up(self, cookie_digests: Sequence[bytes]) -> dict[bytes, Session]:
        """The live sessions behind these cookies, all in two round trips.

        A cookie that is not among them is unknown: ended, too old, idle too long, or never there.
        """
        led_to, now = self._cookies.led_to(cookie_digests), self._clock()
        if not led_to:
            return {}
        ids = sorted({identifier for identifier, _ in led_to.values()})
        these = {"ids": ids, "seen": now - IDLE, "started": now - ABSOLUTE}
        found = self._database.alone(lambda connection: connection.execute(LIVE, these).mappings().all())
        rows = {row["id"]: row for row in found}
        return {
            one: Session(**rows[identifier], host=host, csrf=self._csrf(identifier, host))
            for one, (identifier, host) in led_to.items()
            if identifier in rows
        }

    def find(self, cookie_digest: bytes, *, record: str) -> Session:
        """The live session behind a cookie, checked where that is due. Raises SessionUnknown, IssuerUnavailable."""
        if (found := self.look_up([cookie_digest]).get(cookie_digest)) is None:
            raise SessionUnknown
        if self.is_due(found):
            self.check(found, record=record)
        return found

    def is_due(self, found: Session) -> bool:
        """Whether the sign-in of a session that was looked up was not checked for long: then it must be."""
        return found.checked_at is not None and self._recheck.is_due(found.checked_at)

    def check(self, found: Session, *, record: str) -> None:
        """Ask the issuer, and wait for it. A sign-in that no longer counts is ended, under `record`: SessionUnknown.

        Raises IssuerUnavailable when that cannot be asked.
        """
        if found.checked_at is not None:
            self._recheck.check(found.id, checked_at=found.checked_at, record=record)

    def is_alive(self, found: Session, now: datetime) -> bool:
        """Whether a session found earlier is still within both lifetimes; `touch` moves the idle one."""
        return now < found.seen_at + IDLE and now < found.started_at + ABSOLUTE

    def touch(self, identifiers: Iterable[str]) -> None:
        """Somebody used these sessions just now."""
        everyone = sorted(set(identifiers))
        for first in range(0, len(everyone), _TOUCHED):
            used = session.c.id.in_(everyone[first : first + _TOUCHED])
            with self._database.transaction() as connection:
                hold_sessions(connection, used)
                connection.execute(sa.update(session).where(used).values(seen_at=self._clock()))

    def list_alive(self, person_id: str) -> list[Session]:
        """A person's live sessions, newest first."""
        query = LISTED.where(session.c.person == person_id, *alive_at(self._clock()))
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(session.c.started_at.desc()).limit(SESSIONS_LISTED)).mappings()
            return [Session(**row) for row in rows]

    def find_earlier(self, current: str, *, person_id: str) -> Session | None:
        """The person's sign-in before this one, over or not."""
        query = LISTED.where(session.c.person == person_id, session.c.id != current)
        with self._database.transaction() as connection:
            row = connection.execute(query.order_by(session.c.started_at.desc()).limit(1)).mappings().first()
        return Session(**row) if row else None

    def hosts(self, identifier: str) -> list[str]:
        """Where a session is known."""
        query = sa.select(session.c.hosts).where(session.c.id == identifier, session.c.ended_at.is_(None))
        with self._database.transaction() as connection:
            return (connection.execute(query).scalar_one_or_none() or "").split()

    def end(self, identifier: str, *, person_id: str, act: Act) -> tuple[str, int]:
        """End one session of this person; return its ID token, for the issuer's logout, and the epoch.

        Raises SessionUnknown.
        """
        mine = (session.c.id == identifier) & (session.c.person == person_id) & session.c.ended_at.is_(None)
        with self._database.transaction() as connection:
            query = sa.select(session.c.id_token).where(mine).with_for_update()
            sealed = connection.execute(query).scalar_one_or_none()
            if sealed is None:
                raise SessionUnknown
            epoch = self._end(connection, [identifier], act.record)
        return self._seal.open(sealed, purpose=ID_TOKEN).decode(), epoch

    def end_all(
        self, person_id: str, directory: Directory, *, act: Act, before: datetime | None = None
    ) -> tuple[list[str], int]:
        """End every session of this person; return their ids and the epoch.

        Refuses sign-ins made before now, or made `before` another moment. The issuer is told, too: its sign-on could
        prove less than a password and count as new.
        """
        with self._database.transaction() as connection:
            directory.sign_out_everywhere(connection, person_id, at=before or self._clock())  # holds her
            ended = hold_sessions(connection, (session.c.person == person_id) & session.c.ended_at.is_(None))
            epoch = self._end(connection, ended, act.record)
            sub = connection.execute(sa.select(person.c.sub).where(person.c.id == person_id)).scalar_one()
        self._sign_out(sub)
        return ended, epoch

    def end_sign_on(self, *, iss: str, sid: str, act: Act) -> int | None:
        """End what began with this sign-on at the issuer (OIDC Back-Channel Logout §2.7).

        Returns the epoch; None: nothing of it was alive.
        """
        same = (session.c.iss == iss) & (session.c.sid == sid) & session.c.ended_at.is_(None)
        with self._database.transaction() as connection:
            ended = hold_sessions(connection, same)
            return self._end(connection, ended, act.record) if ended else None

    def list_ended_within(self, seconds: float) -> list[str]:
        """Sessions that were ended in the last so many seconds."""
        lately = sa.select(session.c.id).where(session.c.ended_at > self._clock() - timedelta(seconds=seconds))
        with self._database.transaction() as connection:
            return list(connection.execute(lately).scalars())

    def sweep(self) -> int:
        """Forget the cookies whose time is over; return how many."""
        return self._ephemeral.sweep()

    def _end(self, connection: Connection, identifiers: list[str], record: str) -> int:
        # the moment it is over, not the one it was asked at: a sign-in between the two must not count as a later one
        over = {"ended_at": self._clock(), "end_record": record, "id_token": b"", "refresh_token": b""}
        connection.execute(sa.update(session).where(session.c.id.in_(identifiers)).values(over))
        return self._epochs.bump(connection, [("session", one) for one in identifiers])

    def _csrf(self, identifier: str, host: str) -> str:
        return self._seal.mac(f"{identifier} {host}".encode(), purpose="session form").hex()[:32]

    def _sealed(self, id_token: str) -> bytes:
        return self._seal.seal(id_token.encode(), purpose=ID_TOKEN)
