"""Where a log is and whose checkpoints it carries."""

from dataclasses import dataclass
from pathlib import Path

from audit.search import Verified, read
from crypto.sign import VerifyingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log: its folder, its signer and the origin line of its checkpoints."""

    folder: Path  # with the tiles, the spools and the search index below it
    key: VerifyingKey
    origin: str

    @property
    def tiles(self) -> Path:
        """The truth (C2SP tlog-tiles)."""
        return self.folder / "log"

    @property
    def spools(self) -> Path:
        """One folder for each process that records."""
        return self.folder / "spools"

    @property
    def index(self) -> Path:
        """The search index, which can be rebuilt."""
        return self.folder / "index.db"

    def read(self, leaf: int) -> Verified:
        """The record at `leaf`, after its inclusion was checked. Raises AuditError."""
        return read(self.tiles, leaf, key=self.key, origin=self.origin)
