"""Checkpoint: the signed statement "this log had this many records under this root" (C2SP tlog-checkpoint).

A signed note (C2SP signed-note): text, an empty line, then `— name base64(key hash ‖ signature)`. The name of the key
is the log's origin; the key hash is SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)[:4], 0x01 being Ed25519.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from audit.errors import CheckpointInvalid
from crypto.errors import SignatureInvalid
from crypto.sign import SigningKey, VerifyingKey

CHECKPOINT_BYTES = 4096
_ED25519 = b"\x01"
_HASH_BYTES = 32
_ORIGIN = re.compile(r"[!-*,-~]{1,255}")  # visible ASCII; no space, no plus sign
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A statement about a log: it has `size` records, and `root` is the 32-byte hash over them."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not _ORIGIN.fullmatch(self.origin):
            raise CheckpointInvalid("origin has a space, a plus sign or other than visible ASCII characters")
        if self.size < 0 or len(self.root) != _HASH_BYTES:
            raise CheckpointInvalid("size is negative or root is not 32 bytes")

    @property
    def body(self) -> str:
        """Return the text that is signed: origin, size and root, one line each."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, key: SigningKey) -> str:
    """Return the checkpoint as a signed note (C2SP tlog-checkpoint)."""
    return sign_note(checkpoint.body, key, checkpoint.origin)


def parse(text: str, key: VerifyingKey, origin: str) -> Checkpoint:
    """Return the checkpoint of log `origin` in the signed note `text`. Raises CheckpointInvalid if `key` did not sign
    it, if it is another log's, or if it has lines we do not know.
    """
    if len(text) > CHECKPOINT_BYTES:
        raise CheckpointInvalid("checkpoint is too long")
    return read_unsigned(open_note(text, key, origin), origin)


def read_unsigned(body: str, origin: str) -> Checkpoint:
    """Return the checkpoint that `body` states. Who signed it is not looked at. Raises CheckpointInvalid."""
    match body.split("\n"):
        case [named, size, root, ""] if named == origin and _SIZE.fullmatch(size):
            checkpoint = Checkpoint(origin=origin, size=int(size), root=_base64(root))
        case _:
            raise CheckpointInvalid(f"checkpoint is not the three lines of log `{origin}`")
    if checkpoint.body != body:
        raise CheckpointInvalid("checkpoint is not in its one form")
    return checkpoint


def sign_note(body: str, key: SigningKey, name: str) -> str:
    """Return `body`, which must end with a line feed, as a note signed under `name` (C2SP signed-note)."""
    signature = _key_hash(name, key.public) + key.sign(body.encode())
    return f"{body}\n— {name} {base64.b64encode(signature).decode()}\n"


def open_note(text: str, key: VerifyingKey, name: str) -> str:
    """Return the body of the note `text`, which `key` signed under `name`. Signatures of others are passed over.
    Raises CheckpointInvalid.
    """
    body, separator, signatures = text.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise CheckpointInvalid("signed note has no signature lines")
    body += "\n"
    for line in signatures[:-1].split("\n"):
        mark, _, rest = line.partition(" ")
        signer, _, encoded = rest.partition(" ")
        if mark != "—" or not signer or not encoded:
            raise CheckpointInvalid("signature line is malformed")
        signature = _base64(encoded)
        if signer == name and signature[:4] == _key_hash(name, key):
            try:
                key.check(signature[4:], body.encode("utf-8", "surrogatepass"))
            except SignatureInvalid:
                raise CheckpointInvalid(f"signature of `{name}` does not verify") from None
            return body
    raise CheckpointInvalid(f"signed note carries no signature by this key of `{name}`")


def _key_hash(name: str, key: VerifyingKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw).digest()[:4]


def _base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as failure:
        raise CheckpointInvalid("base64 is malformed") from failure
    if base64.b64encode(raw).decode() != text:
        raise CheckpointInvalid("base64 is not in its one form")
    return raw
