"""What a cookie leads to: kept under its SHA-256 where it may be forgotten, sealed for it and for nothing else."""

import json
from collections.abc import Sequence
from contextlib import suppress

from crypto.aead import Sealer
from crypto.errors import SealInvalid
from storage.ephemeral import Ephemeral

PREFIX = "cookie:"  # of their keys


class Cookies:
    """Session and host by the digest of a cookie. Called from threads."""

    def __init__(self, ephemeral: Ephemeral, seal: Sealer, *, seconds: int) -> None:
        self._ephemeral, self._seal, self._seconds = ephemeral, seal, seconds

    def lead(self, cookie_digest: bytes, *, session: str, host: str) -> None:
        """From now on this cookie leads there, for so many seconds."""
        value = json.dumps({"session": session, "host": host}).encode()
        sealed = self._seal.seal(value, purpose=_key(cookie_digest))
        self._ephemeral.put(_key(cookie_digest), sealed, seconds=self._seconds)

    def forget(self, cookie_digest: bytes) -> None:
        """It leads nowhere."""
        self._ephemeral.remove(_key(cookie_digest))

    def led_to(self, cookie_digests: Sequence[bytes]) -> dict[bytes, tuple[str, str]]:
        """Session and host of each, in one round trip. What was not sealed by us, or for another, leads nowhere."""
        keys = {_key(one): one for one in cookie_digests}
        found: dict[bytes, tuple[str, str]] = {}
        for key, sealed in self._ephemeral.get(keys.keys()).items():
            with suppress(SealInvalid):
                place = json.loads(self._seal.open(sealed, purpose=key))
                found[keys[key]] = place["session"], place["host"]
        return found


def _key(cookie_digest: bytes) -> str:
    return PREFIX + cookie_digest.hex()
