"""The platform's own seal over its keyring: the active version seals, every live one opens, forms have their own key.

A process holds a ring, and takes a newer one when it is told of a step of the epoch, before it confirms that step.
What was sealed before there was a keyring (format 1, `aead`) is opened by version 1, which is made of the same bytes.
"""

import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crypto import aead
from crypto.aead import Seal
from crypto.algorithms import AES_256_GCM, SEALING
from crypto.envelope import FORMAT, HEADER_BYTES, Kek, header_of, version_id
from crypto.errors import SealInvalid
from crypto.key_rows import KeyUsage
from crypto.keyring import Keyring
from crypto.lifecycle import State
from crypto.uses import Uses

CITY = "city"  # the department the platform's keys belong to
PLATFORM, FORMS = str(KeyUsage.PLATFORM), str(KeyUsage.FORMS)  # their names, too
_FORMAT = bytes((FORMAT,))
_LOOK_SECONDS = 1.0  # so often at most an unknown version makes us look for a newer ring


@dataclass(frozen=True, slots=True)
class Ring:
    """The versions that are in use at one moment."""

    key: str
    active: Kek
    opening: Mapping[bytes, Kek] = field(repr=False)  # header → version, published ones too
    first: Seal | None = field(repr=False)  # format 1
    forms: bytes = field(repr=False)


def ring_of(keyring: Keyring) -> Ring:
    """Return the ring as it is now. Raises KeyUnknown, KeyDamaged, StorageUnavailable."""
    key, live = keyring.live_versions(CITY, PLATFORM)
    keks = {
        one.version.number: Kek(one.key, one.version.number, SEALING[one.version.algorithm], one.secret) for one in live
    }
    first = next((one for one in live if one.version.number == 1 and one.version.algorithm == AES_256_GCM.name), None)
    forms = next(one for one in keyring.live_versions(CITY, FORMS)[1] if one.version.state is State.ACTIVE)
    return Ring(
        key.id,
        keks[key.active.number],
        {kek.header: kek for kek in keks.values()},
        Seal(first.secret) if first else None,
        forms.secret,
    )


class PlatformSeal:
    """Seals what the platform keeps, as `aead.Seal` does with one key. Thread-safe; called from threads."""

    def __init__(self, load: Callable[[], Ring], *, uses: Uses, monotonic: Callable[[], float]) -> None:
        self._load, self._uses, self._monotonic = load, uses, monotonic
        self._lock, self._looked = threading.Lock(), monotonic()
        self.ring = load()

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Return `plaintext` sealed by the active version, for this purpose alone."""
        kek = self.ring.active
        self._uses.count_seal(kek.name)
        return kek.seal(plaintext, context=purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Return the plaintext. Raises SealInvalid, the same for every reason."""
        kek = self.ring.opening.get(sealed[:HEADER_BYTES])
        if kek is None:
            if sealed[:1] != _FORMAT:
                return self._open_by_the_first(sealed, purpose)
            kek = self._look_for(sealed)
        opened = kek.open(sealed, context=purpose.encode())
        self._uses.count_opening(kek.name)
        return opened

    def mac(self, message: bytes, *, purpose: str) -> bytes:
        """Return 32 bytes that nobody else can give for `message`.
        They stay the same when the platform's key is rotated.
        """
        key = hmac.digest(self.ring.forms, b"citygate mac\x00" + purpose.encode(), "sha256")
        return hmac.digest(key, message, "sha256")

    def reload(self) -> None:
        """Take the ring as it is now. Raises StorageUnavailable; the ring that was held then stays."""
        self.ring = self._load()

    def version_of(self, sealed: bytes) -> int | None:
        """Return the number of the version a value says it was sealed under, or None if it is none of ours."""
        if sealed[:1] == aead.FORMAT:
            return 1
        try:
            header = header_of(sealed)
        except SealInvalid:
            return None
        return header.version if header.key == self.ring.key else None

    def _open_by_the_first(self, sealed: bytes, purpose: str) -> bytes:
        ring = self.ring
        if ring.first is None:
            raise SealInvalid
        opened = ring.first.open(sealed, purpose=purpose)
        self._uses.count_opening(version_id(ring.key, 1))
        return opened

    def _look_for(self, sealed: bytes) -> Kek:
        """We missed something: a seal is never met before its version was published. Raises SealInvalid."""
        if header_of(sealed).key == self.ring.key and self._may_look():
            self.reload()
        kek = self.ring.opening.get(sealed[:HEADER_BYTES])
        if kek is None:
            raise SealInvalid
        return kek

    def _may_look(self) -> bool:
        with self._lock:
            now = self._monotonic()
            due = now - self._looked >= _LOOK_SECONDS
            if due:
                self._looked = now
            return due
