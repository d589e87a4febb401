"""The contract of the engines: snapshot and store, forget, restore into a folder; what is stored says what it holds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

Files = Callable[[], Iterable[tuple[str, bytes]]]
"""Relative paths and contents, in one order; called once for each backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPart:
    """One thing that was stored: where it is, and what must come back."""

    name: str  # where it belongs in a data folder: "city.db", "audit"
    engine: str
    reference: str  # what the engine finds it by
    bytes: int  # of what was stored, before sealing and compressing
    digest: str  # SHA-256, hexadecimal; of files: over their own digests and names
    counts: Mapping[str, int] = field(default_factory=dict)  # rows by table, or {"files": n}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What a restored database answered."""

    counts: Mapping[str, int]  # as of the moment the backup counted
    newest: datetime  # the last moment it holds


class Engine(Protocol):
    """A way to store parts. Called from threads, by one backup or drill at a time."""

    name: str

    def what_is_missing(self) -> str:
        """Return what is missing on this machine and how to get it, or ""."""

    def take(self, name: str, source: Path | Files, folder: Path) -> BackupPart:
        """Store `source` as it is now, as the part `name`, and return the part. `folder` is this backup's own, still
        hidden.

        Raises EngineMissing, EngineFailed, RepositoryFull, OSError.
        """

    def restore(self, part: BackupPart, folder: Path, into: Path) -> None:
        """Restore `part` below the folder `into`, and compare it with its digest. `folder` is the backup's own.

        Raises EngineMissing, EngineFailed, PartDamaged, OSError.
        """

    def forget(self, part: BackupPart) -> None:
        """Remove what is kept of `part` outside of the backup's own folder. Raises EngineFailed."""


class DatabaseEngine(Engine, Protocol):
    """An engine whose parts are databases."""

    def examine(self, part: BackupPart, into: Path, taken: datetime) -> Examination:
        """Return what the restored database answers. No server runs on it afterwards. `taken` is when the backup began.

        Raises EngineFailed, PartDamaged.
        """

    def abandon(self, into: Path) -> None:
        """Stop what a killed drill left running on the restored copy `into`. Raises EngineFailed."""


class TreeDigest:
    """One digest over many files: SHA-256 over the sorted lines of each one's name and digest."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self.bytes = 0

    @property
    def files(self) -> int:
        return len(self._lines)

    def add(self, name: str, content: bytes) -> None:
        """Take the next file."""
        self._lines.append(f"{name} {sha256(content).hexdigest()}\n".encode())
        self.bytes += len(content)

    def hex(self) -> str:
        """Return the digest of all files, in hexadecimal."""
        return sha256(b"".join(sorted(self._lines))).hexdigest()
