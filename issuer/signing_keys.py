"""The issuer's ES256 keys: published before they sign, kept until what they signed is over, sealed at rest."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey, KeySet

from crypto.aead import Seal
from issuer.issuer_file import IssuerFile

ALGORITHM = "ES256"
PUBLISHED_AHEAD = timedelta(minutes=10)  # a relying party that fetches keys on demand never meets an unknown one
ROTATED_AFTER = timedelta(days=30)
# An expired ID token is still the hint of a logout, so a key outlives the sessions it spoke of.
KEPT_AFTER = timedelta(hours=13)

SCHEMA = """
CREATE TABLE IF NOT EXISTS signing_key (kid TEXT PRIMARY KEY, sealed BLOB NOT NULL, signs_from REAL NOT NULL) STRICT;
"""


class SigningKeys:
    """Shared by threads. The first key is made on first use and signs at once; the others follow by age."""

    def __init__(self, file: IssuerFile, seal: Seal, clock: Callable[[], datetime]) -> None:
        self._file, self._seal, self._clock = file, seal, clock

    def rotate(self) -> str:
        """Publish a new key, which signs after `PUBLISHED_AHEAD` (the very first: now). Returns its id.

        A key that is published and does not sign yet is returned instead of yet another one.
        """
        now = self._clock().timestamp()
        with self._file.transaction() as connection:
            newest = connection.execute("SELECT kid, signs_from FROM signing_key ORDER BY signs_from DESC").fetchone()
            if newest and newest["signs_from"] > now:
                return str(newest["kid"])
            key = ECKey.generate_key("P-256", private=True)
            kid = key.thumbprint()
            sealed = self._seal.seal(json.dumps(key.as_dict(private=True)).encode(), purpose=_purpose(kid))
            signs_from = now + PUBLISHED_AHEAD.total_seconds() if newest else now
            connection.execute("INSERT INTO signing_key VALUES (?, ?, ?)", (kid, sealed, signs_from))
        return kid

    def current(self) -> ECKey:
        """The key that signs now."""
        now = self._clock().timestamp()
        return next(self._open(kid, sealed) for kid, sealed, signs_from in self._rotated() if signs_from <= now)

    def list_keys(self) -> KeySet:
        """Every key a valid signature may name: one to come, the current one, and the old ones still needed."""
        return KeySet([self._open(kid, sealed) for kid, sealed, _ in self._rotated()])

    def public_jwks(self) -> dict[str, Any]:
        """The JWK set of the public halves (RFC 7517 §5)."""
        return dict(self.list_keys().as_dict(private=False))

    def _rotated(self) -> list[tuple[str, bytes, float]]:
        rows = self._rows()
        if rows and rows[0][2] > (self._clock() - ROTATED_AFTER).timestamp():
            return rows
        self.rotate()
        return self._rows()

    def _rows(self) -> list[tuple[str, bytes, float]]:
        """Newest first; what was superseded longer than `KEPT_AFTER` ago is destroyed on the way."""
        over = self._clock().timestamp() - KEPT_AFTER.total_seconds()
        with self._file.transaction() as connection:
            connection.execute(
                "DELETE FROM signing_key WHERE signs_from <"
                " (SELECT max(signs_from) FROM signing_key WHERE signs_from <= ?)",
                (over,),
            )
            rows = connection.execute("SELECT kid, sealed, signs_from FROM signing_key ORDER BY signs_from DESC")
            return [(row["kid"], row["sealed"], row["signs_from"]) for row in rows]

    def _open(self, kid: str, sealed: bytes) -> ECKey:
        key = json.loads(self._seal.open(sealed, purpose=_purpose(kid)))
        return ECKey.import_key(key, {"kid": kid, "use": "sig", "alg": ALGORITHM})


def _purpose(kid: str) -> str:
    return f"issuer signing key {kid}"
