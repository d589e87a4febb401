"""The key service (密码服务): a department's keys seal, open, sign and check for whoever may, and never leave.

A sealed value is an envelope, bound to the caller's `context`; a signature is over the message alone, so that others
can check it with the public key, and comes with the version that made it.
"""

from dataclasses import dataclass

from crypto.algorithms import SEALING, SIGNING
from crypto.envelope import Kek, header_of, version_id
from crypto.errors import KeyMisused, SealInvalid, SignatureInvalid
from crypto.key_rows import KeyUsage, Material
from crypto.keyring import Keyring
from crypto.uses import Uses

PLAINTEXT_BYTES, CONTEXT_BYTES = 256 * 1024, 1024  # at most; a larger thing is sealed under a key sealed here
SEALED_BYTES = PLAINTEXT_BYTES + 256


@dataclass(frozen=True, slots=True)
class KeyOutput:
    """What the use of a key gave, and by which version."""

    value: bytes
    version: int
    algorithm: str


class KeyService:
    """Uses the keys of departments. Called from threads.
    Every method raises KeyUnknown, and KeyMisused for a key of another usage.
    """

    def __init__(self, keyring: Keyring, *, uses: Uses) -> None:
        self._keyring, self._uses = keyring, uses

    def encrypt(self, department: str, name: str, plaintext: bytes, *, context: bytes) -> KeyOutput:
        """Return an envelope of `plaintext` by the active version; it opens for the same `context` alone."""
        material = self._material(department, name, KeyUsage.ENCRYPT)
        sealed = _kek(material).seal(plaintext, context=context)
        self._uses.count_seal(version_id(material.key, material.version.number))
        return KeyOutput(sealed, material.version.number, material.version.algorithm)

    def decrypt(self, department: str, name: str, sealed: bytes, *, context: bytes) -> KeyOutput:
        """Return the plaintext of an envelope. Raises SealInvalid, the same for every reason."""
        header = header_of(sealed)
        material = self._material(department, name, KeyUsage.ENCRYPT, header.version)
        plaintext = _kek(material).open(sealed, context=context)
        self._uses.count_opening(version_id(material.key, material.version.number))
        return KeyOutput(plaintext, material.version.number, material.version.algorithm)

    def rewrap(self, department: str, name: str, sealed: bytes, *, context: bytes) -> KeyOutput:
        """Return an envelope of the same plaintext by the active version. The caller never sees the plaintext.
        Raises SealInvalid.
        """
        return self.encrypt(
            department, name, self.decrypt(department, name, sealed, context=context).value, context=context
        )

    def sign(self, department: str, name: str, message: bytes) -> KeyOutput:
        """Return a signature over `message` by the active version."""
        material = self._material(department, name, KeyUsage.SIGN)
        signature = SIGNING[material.version.algorithm].sign(material.secret, message)
        self._uses.count_seal(version_id(material.key, material.version.number))
        return KeyOutput(signature, material.version.number, material.version.algorithm)

    def verify(self, department: str, name: str, message: bytes, signature: bytes, *, version: int) -> KeyOutput:
        """Check a signature by `version` over `message`. Returns only which version it was. Raises SignatureInvalid,
        also if there is no such version.
        """
        try:
            material = self._material(department, name, KeyUsage.SIGN, version)
        except SealInvalid:
            raise SignatureInvalid from None
        SIGNING[material.version.algorithm].check(material.public, signature, message)
        self._uses.count_opening(version_id(material.key, material.version.number))
        return KeyOutput(b"", version, material.version.algorithm)

    def public(self, department: str, name: str) -> dict[int, bytes]:
        """Return the public keys of a signing key by version; an empty mapping for any other key."""
        _, live = self._keyring.live_versions(department, name)
        return {one.version.number: one.public for one in live if one.public}

    def _material(self, department: str, name: str, usage: KeyUsage, number: int | None = None) -> Material:
        found, material = self._keyring.material(department, name, number=number)
        if found is not usage:
            raise KeyMisused(f"`{name}` is there to {found}")
        return material


def _kek(material: Material) -> Kek:
    return Kek(material.key, material.version.number, SEALING[material.version.algorithm], material.secret)
