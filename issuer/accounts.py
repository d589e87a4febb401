"""Accounts: passwords under argon2id, sealed TOTP seeds, and the one place where either is checked."""

import secrets
import sqlite3
import threading
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from crypto.aead import Seal
from issuer.attempts import SCHEMA as ATTEMPT_SCHEMA
from issuer.attempts import Attempts
from issuer.errors import IssuerBusy, LoginTaken, PasswordUnfit, SignInRefused
from issuer.issuer_file import IssuerFile

MIN_PASSWORD_CHARS, MIN_PASSWORD_CHARS_WITH_TOTP = 15, 8  # NIST SP 800-63B-4 §3.1.1.2
MAX_PASSWORD_CHARS, MAX_LOGIN_CHARS = 128, 64
PARALLEL_HASHES = 2  # each takes 64 MiB and a core
HASH_WAIT_SECONDS = 10.0
TOTP_STEPS = (-1, 0, 1)  # of 30 s, for clocks that differ (RFC 6238 §5.2)

_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS account (
  sub TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password TEXT NOT NULL,
  seed BLOB, last_step INTEGER NOT NULL DEFAULT 0, disabled INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
    + ATTEMPT_SCHEMA
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in."""

    sub: str
    login: str
    name: str
    has_second_factor: bool


class Accounts:
    """The accounts in the file at `path`; shared by threads. `hasher` is argon2id with its own defaults."""

    def __init__(
        self, path: Path, seal: Seal, clock: Callable[[], datetime], *, hasher: PasswordHasher | None = None
    ) -> None:
        self._file, self._seal, self._clock = IssuerFile(path, _SCHEMA), seal, clock
        self._hasher = hasher or PasswordHasher()
        self._hashing = threading.BoundedSemaphore(PARALLEL_HASHES)
        self._attempts = Attempts(self._file)
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe())

    def create(self, login: str, password: str, name: str, totp_secret: str = "") -> str:
        """Store a new account and return its `sub` (a random UUID). `totp_secret` is base32, "" for none.

        Raises PasswordUnfit, LoginTaken.
        """
        least = MIN_PASSWORD_CHARS_WITH_TOTP if totp_secret else MIN_PASSWORD_CHARS
        if not least <= len(password) <= MAX_PASSWORD_CHARS:
            raise PasswordUnfit(f"a password has {least} to {MAX_PASSWORD_CHARS} characters")
        sub = str(uuid.uuid4())
        seed = self._seal.seal(totp_secret.encode(), purpose=_seed_purpose(sub)) if totp_secret else None
        row = (sub, _canonical(login), name, self._hasher.hash(_normal(password)), seed)
        try:
            with self._file.transaction() as connection:
                connection.execute("INSERT INTO account (sub, login, name, password, seed) VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            raise LoginTaken("login is taken") from None
        return sub

    def disable(self, sub: str) -> None:
        """End the account: no sign-in, and no session of it counts any more."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE account SET disabled = 1 WHERE sub = ?", (sub,))

    def find(self, sub: str) -> Account | None:
        """The account, unless it is unknown or disabled."""
        row = self._row("sub", sub)
        return _account(row) if row else None

    def verify(self, login: str, password: str) -> Account:
        """The account this password opens. Unknown logins cost the same work and are locked out the same way.

        Raises SignInRefused, TooManyAttempts, IssuerBusy.
        """
        login = _canonical(login)
        row = self._row("login", login)
        with self._room_to_hash():
            self._attempts.count(login, "password", real=row is not None, now=self._clock())
            is_right = self._matches(row["password"] if row else self._nobodys_hash, password)
        if row is None or not is_right:
            raise SignInRefused("login or password is wrong")
        self._attempts.forget_failures(login, "password")
        return _account(row)

    def verify_code(self, sub: str, code: str) -> None:
        """Accept one TOTP code of this account, once (RFC 6238 §5.2). Raises SignInRefused, TooManyAttempts."""
        row = self._row("sub", sub)
        if row is None or row["seed"] is None:
            raise SignInRefused("no second factor")
        now = self._clock()
        self._attempts.count(row["login"], "totp", real=True, now=now)
        totp = pyotp.TOTP(self._seal.open(row["seed"], purpose=_seed_purpose(sub)).decode())
        steps = [totp.timecode(now) + offset for offset in TOTP_STEPS]
        right = [step for step in steps if secrets.compare_digest(totp.generate_otp(step).encode(), code.encode())]
        if not right or not self._use_step(sub, right[0]):
            raise SignInRefused("code is wrong or was used")
        self._attempts.forget_failures(row["login"], "totp")

    def _use_step(self, sub: str, step: int) -> bool:
        with self._file.transaction() as connection:
            update = "UPDATE account SET last_step = ? WHERE sub = ? AND last_step < ?"
            return connection.execute(update, (step, sub, step)).rowcount == 1

    @contextmanager
    def _room_to_hash(self) -> Iterator[None]:
        if not self._hashing.acquire(timeout=HASH_WAIT_SECONDS):
            raise IssuerBusy("too many passwords are being checked")
        try:
            yield
        finally:
            self._hashing.release()

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, _normal(password[: MAX_PASSWORD_CHARS + 1]))
        except VerifyMismatchError:
            return False

    def _row(self, column: str, value: str) -> sqlite3.Row | None:
        query = {
            "sub": "SELECT * FROM account WHERE sub = ? AND NOT disabled",
            "login": "SELECT * FROM account WHERE login = ? AND NOT disabled",
        }[column]
        with self._file.transaction() as connection:
            row: sqlite3.Row | None = connection.execute(query, (value,)).fetchone()
        return row


def with_second_factor(path: Path) -> set[str]:
    """The subs of accounts that may sign in and have a second factor; the file is only read.

    Raises sqlite3.Error.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
    try:
        rows = connection.execute("SELECT sub FROM account WHERE seed IS NOT NULL AND NOT disabled").fetchall()
    finally:
        connection.close()
    return {row[0] for row in rows}


def _account(row: sqlite3.Row) -> Account:
    return Account(sub=row["sub"], login=row["login"], name=row["name"], has_second_factor=row["seed"] is not None)


def _canonical(login: str) -> str:
    return unicodedata.normalize("NFKC", login[:MAX_LOGIN_CHARS]).strip().casefold()


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _seed_purpose(sub: str) -> str:
    return f"totp seed {sub}"
