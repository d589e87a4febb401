"""App keys: a program of a department signs each of its requests (HMAC-SHA256, RFC 2104).

What is signed, and how, stands in `docs/portal-developers.md`; the header has one spelling, so that nothing can be
read in two ways. The body counts by its digest (RFC 9530), which the door holds it to while it is read.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from crypto.aead import Sealer
from idp.apps import has_valid_key, seal_purpose
from idp.errors import CredentialRejected
from idp.store import app
from storage.database import Database

SCHEME = "Citygate-HMAC-SHA256"
WINDOW_SECONDS = 300  # how far a client's clock may be off, either way
EARLY_SECONDS = WINDOW_SECONDS + 60  # before its time a request is taken at most; with our own clocks' difference
CLOCKS_SECONDS = 5  # by which the clocks of the city's own machines may differ where a new app meets a new memory
SPENT_SECONDS = WINDOW_SECONDS + EARLY_SECONDS
_FORM = re.compile(
    rf"{SCHEME} key=(?P<key>[0-9A-HJKMNP-TV-Z]{{26}}), time=(?P<time>[1-9][0-9]{{9}}), "
    r"nonce=(?P<nonce>[A-Za-z0-9_-]{22,64}), signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
_DIGEST = re.compile(r"sha-256=:[A-Za-z0-9+/]{43}=:", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an `Authorization` header of ours says; nothing of it is proven yet."""

    key: str  # the app's id without "app:"
    time: int  # seconds since 1970
    nonce: str
    signature: str  # hex


@dataclass(frozen=True, slots=True, kw_only=True)
class AppHolder:
    """The app a key speaks for."""

    subject: str  # "app:01J…"
    name: str
    secret: bytes
    created_at: datetime
    expires_at: datetime


def parse(authorization: str) -> Claim:
    """Read the header's value. Raises CredentialRejected."""
    match = _FORM.fullmatch(authorization)
    if match is None:
        raise CredentialRejected
    return Claim(key=match["key"], time=int(match["time"]), nonce=match["nonce"], signature=match["signature"])


def content_digest(sha256: bytes) -> str:
    """A SHA-256 as `Content-Digest` gives it (RFC 9530 §2)."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


NO_BODY = content_digest(hashlib.sha256().digest())


def is_digest(value: str) -> bool:
    """Whether this is a `Content-Digest` in the one spelling that is signed."""
    return _DIGEST.fullmatch(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedParts:
    """What of a request is signed beside the claim: what it asks for, and how its body is read."""

    method: str
    host: str  # lower case, without port
    target: str  # as it stands in the request
    content_type: str  # as it stands in the request, "" for none
    digest: str


def signature_of(secret: bytes, claim: Claim, signed: SignedParts) -> str:
    """The signature (hex) of one request."""
    parts = (signed.method, signed.host, signed.target, signed.content_type, signed.digest)
    lines = (SCHEME, claim.key, str(claim.time), claim.nonce, *parts)
    return hmac.digest(secret, "\n".join(lines).encode(), "sha256").hex()


class AppKeys:
    """Finds the app behind a key. Called from threads."""

    def __init__(self, database: Database, seal: Sealer, *, clock: Callable[[], datetime]) -> None:
        self._database, self._seal, self._clock = database, seal, clock

    def find(self, key: str) -> AppHolder:
        """Return the app. Raises CredentialRejected where no app has this key or it is not valid, and SealInvalid."""
        query = sa.select(app.c.id, app.c.name, app.c.sealed, app.c.created_at, app.c.expires_at).where(
            app.c.id == f"app:{key}", has_valid_key(self._clock())
        )
        with self._database.transaction() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise CredentialRejected
        secret = self._seal.open(row.sealed, purpose=seal_purpose(row.id))
        return AppHolder(
            subject=row.id, name=row.name, secret=secret, created_at=row.created_at, expires_at=row.expires_at
        )
