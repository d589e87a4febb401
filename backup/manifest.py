"""Manifest: what a backup holds and how it was, signed; and the ids of the keys it needs, never their bytes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from audit.checkpoint import open_note, sign_note
from audit.errors import CheckpointInvalid
from audit.event import timestamp
from backup.engine import BackupPart
from backup.errors import ManifestInvalid
from crypto.sign import SigningKey, VerifyingKey

FORMAT = 1
SIGNER = "citygate/backup"  # the name in the signed note
CANARY = "backup canary"  # purpose of what is sealed with the platform's key
MANIFEST_BYTES = 4 << 20


class Platform(Protocol):
    """What seals the platform's secrets: its key, as the canary meets it."""

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Return `plaintext` sealed for this purpose alone."""

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Return the plaintext. Raises SealInvalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that a drill compares the restored copy with."""

    id: str
    city: str  # the log's origin
    started_at: datetime
    finished_at: datetime
    parts: tuple[BackupPart, ...]
    checkpoint: str  # of the audit log, as signed at that moment
    canary: str  # hexadecimal: `canary_of(id)`, sealed by the platform's key
    keys: Mapping[str, str]  # path below the data folder → id

    @property
    def records(self) -> int:
        """How many records the log has under its checkpoint."""
        return int(self.checkpoint.split("\n")[1])

    @property
    def bytes(self) -> int:
        """How many bytes all parts have, before sealing and compressing."""
        return sum(one.bytes for one in self.parts)

    @property
    def rows(self) -> int:
        """How many rows all databases have."""
        return sum(sum(one.counts.values()) for one in self.parts if "files" not in one.counts)


def canary_of(backup: str) -> bytes:
    """Return the bytes that the platform's key must open the canary of `backup` to."""
    return f"citygate canary {backup}".encode()


def sign(manifest: Manifest, key: SigningKey) -> str:
    """Return the manifest as a signed note (C2SP signed-note)."""
    fields = {"format": FORMAT} | asdict(manifest)
    fields |= {"started_at": timestamp(manifest.started_at), "finished_at": timestamp(manifest.finished_at)}
    return sign_note(json.dumps(fields, sort_keys=True, ensure_ascii=True) + "\n", key, SIGNER)


def read(text: str, key: VerifyingKey, *, backup: str) -> Manifest:
    """Return the manifest of `backup` in `text`, once its signature was checked. Raises ManifestInvalid."""
    if len(text) > MANIFEST_BYTES:
        raise ManifestInvalid("the manifest is too long")
    try:
        fields = json.loads(open_note(text, key, SIGNER))
        if fields.pop("format") != FORMAT:
            raise ManifestInvalid("the manifest is of another format than this version reads")
        moments = {name: datetime.fromisoformat(fields[name]) for name in ("started_at", "finished_at")}
        manifest = Manifest(**{**fields, **moments, "parts": tuple(BackupPart(**one) for one in fields["parts"])})
    except CheckpointInvalid:
        raise ManifestInvalid("the manifest is not signed by the backup key") from None
    except (ValueError, TypeError, KeyError, AttributeError) as failure:
        raise ManifestInvalid(f"the manifest cannot be read: {type(failure).__name__}") from failure
    if manifest.id != backup:
        raise ManifestInvalid(f"the manifest is of backup {manifest.id}, not of {backup}")
    return manifest


def key_ids(data: Path, patterns: Iterable[str]) -> dict[str, str]:
    """Return path → id of every file below `data` that matches a pattern.
    An id tells random keys apart and says nothing about them.
    """
    found = sorted(path for pattern in patterns for path in data.glob(pattern) if path.is_file())
    return {
        str(path.relative_to(data)): hashlib.sha256(b"citygate kept key\x00" + path.read_bytes()).hexdigest()[:16]
        for path in found
    }
