"""Making, rotating and using keys; for page and API alike.

No plaintext, ciphertext, message or context stands in a record: only which key, which version, how many bytes.
"""

from collections.abc import Callable

from authz.lease import Receipt
from crypto.algorithms import Suite
from crypto.errors import SignatureInvalid
from crypto.key_rows import Key, KeyUsage
from crypto.key_service import KeyOutput, KeyService
from crypto.keyring import Keyring
from storage.act import Act


def create_key(keyring: Keyring, act: Act, department: str, name: str, usage: KeyUsage) -> Key:
    """Make a key of the department, of its suite. Raises KeyExists, TooManyKeys."""
    key = keyring.create(department, name, usage, act)
    act.note({"key": key.id, "usage": key.usage, "algorithm": key.active.algorithm})
    return key


def rotate_key(
    keyring: Keyring, act: Act, department: str, name: str, *, effective: Callable[[int], Receipt]
) -> tuple[Key, Receipt]:
    """Make the key's next version the active one; return the key, and the receipt that every gateway seals with it.

    `effective(epoch)` waits until every gateway decides by it. Raises KeyUnknown.
    """
    key, receipt = keyring.rotate(keyring.key(department, name), act, effective=effective)
    act.note({"key": key.id, "version": key.active.number, "algorithm": key.active.algorithm})
    act.note({"approver": act.approver})
    return key, receipt


def choose_suite(keyring: Keyring, act: Act, department: str, suite: Suite) -> Suite:
    """Choose what the department's next keys and versions are made of; return what holds there now."""
    keyring.choose_suite(department, suite, act)
    act.note({"suite": suite.name})
    return keyring.suite(department)


def encrypt(
    service: KeyService, act: Act, department: str, name: str, plaintext: bytes, *, context: bytes
) -> KeyOutput:
    """Seal `plaintext` for this context alone. Raises KeyUnknown, KeyMisused."""
    sealed = service.encrypt(department, name, plaintext, context=context)
    return _note_use(act, sealed, len(plaintext))


def decrypt(service: KeyService, act: Act, department: str, name: str, sealed: bytes, *, context: bytes) -> KeyOutput:
    """Open what was sealed for this context. Raises SealInvalid, the same for every reason; KeyUnknown, KeyMisused."""
    opened = service.decrypt(department, name, sealed, context=context)
    return _note_use(act, opened, len(opened.value))


def rewrap(service: KeyService, act: Act, department: str, name: str, sealed: bytes, *, context: bytes) -> KeyOutput:
    """Seal the same by the active version, unseen. Raises SealInvalid, KeyUnknown, KeyMisused."""
    anew = service.rewrap(department, name, sealed, context=context)
    return _note_use(act, anew, len(sealed))


def sign(service: KeyService, act: Act, department: str, name: str, message: bytes) -> KeyOutput:
    """Sign `message` by the active version. Raises KeyUnknown, KeyMisused."""
    return _note_use(act, service.sign(department, name, message), len(message))


def verify(
    service: KeyService, act: Act, department: str, name: str, message: bytes, *, signature: bytes, version: int
) -> bool:
    """Return whether this version made the signature over this message. Raises KeyUnknown, KeyMisused."""
    valid = True
    try:
        service.verify(department, name, message, signature, version=version)
    except SignatureInvalid:
        valid = False
    act.note({"version": version, "valid": str(valid).lower()})
    return valid


def _note_use(act: Act, output: KeyOutput, size: int) -> KeyOutput:
    act.note({"version": output.version, "size": size})
    return output
