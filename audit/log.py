"""Where a log is and whose checkpoints it carries."""

from dataclasses import dataclass
from pathlib import Path

from audit.search import Verified, read
from crypto.sign import VerifyingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log: its folder, its search index, its signer and the origin line of its checkpoints."""

    folder: Path
    index: Path
    key: VerifyingKey
    origin: str

    def read(self, leaf: int) -> Verified:
        """The record at `leaf`, after its inclusion was checked. Raises AuditError."""
        return read(self.folder, leaf, key=self.key, origin=self.origin)
