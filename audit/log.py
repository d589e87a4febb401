"""Where a log is, whose checkpoints it carries, and what it is asked for."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from audit import index as indexes
from audit.errors import AuditError
from audit.event import Event
from audit.reconcile import Judge, Reconciled
from audit.search import Query, Reader, Verified, read, search
from audit.tiles import KeptTiles
from crypto.sign import VerifyingKey
from storage.witness import Row

_LOOKS, _AGAIN_SECONDS = 6, 0.5  # a decision is in the log within a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Where one log is, who signs it, and the origin line of its checkpoints."""

    folder: Path  # with the tiles, the spools and the search index below it
    key: VerifyingKey
    origin: str

    @property
    def tiles(self) -> Path:
        """The folder of the tiles, which are the truth (C2SP tlog-tiles)."""
        return self.folder / "log"

    @property
    def spools(self) -> Path:
        """The folder with one folder for each process that records."""
        return self.folder / "spools"

    @property
    def index(self) -> Path:
        """The file of the search index, which can be made again."""
        return self.folder / "index.db"

    def read(self, leaf: int) -> Verified:
        """Return the record at `leaf`, once its inclusion under the signed checkpoint was checked.
        Raises AuditError.
        """
        return read(self.tiles, leaf, key=self.key, origin=self.origin)

    def reconcile(self, rows: Sequence[Row], *, stays: Callable[[str], timedelta | None], now: datetime) -> Reconciled:
        """Compare `rows`, which must be all there are, with what the log says of them, or will say in a moment.

        `stays` says of a row's name how long it is kept at least. Which leaves speak of a row is the index's to say:
        `verify` finds what it leaves out. Raises CheckpointInvalid, sqlite3.Error.
        """
        for _ in range(_LOOKS):
            answer = self._judged(rows, stays=stays, now=now)
            if not answer.awaited:
                break
            time.sleep(_AGAIN_SECONDS)
        return answer

    def _judged(self, rows: Sequence[Row], *, stays: Callable[[str], timedelta | None], now: datetime) -> Reconciled:
        with indexes.inspect(self.index) as connection:
            spoken_of = {one.key: one for one in indexes.rows_spoken_of(connection)}
        reader = Reader(KeptTiles(self.tiles), key=self.key, origin=self.origin)  # newer than the index

        def proven(leaf: int) -> Event | None:
            try:
                return reader.read(leaf).event
            except AuditError:
                return None

        def records(identifier: str) -> list[tuple[int, Event | None]]:
            leaves = search(self.index, Query(request=identifier)).leaves
            return [(leaf, proven(leaf)) for leaf in leaves if reader.covers(leaf)]  # the index goes on meanwhile

        return Judge(spoken_of, records, proven, now=now).compare(rows, stays=stays)
