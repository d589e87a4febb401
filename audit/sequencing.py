"""The sequencer at work: a thread that integrates the spools and refreshes the search index, several times a second."""

import logging
import sqlite3
import threading

from audit.errors import AuditError
from audit.index import Index
from audit.log import Log
from audit.sequencer import Sequencer
from audit.tiles import Tiles
from crypto.sign import SigningKey

PAUSE_SECONDS = 0.25  # an appended record is in the log within a second (law 5)
_log = logging.getLogger(__name__)


class Sequencing:
    """Runs passes of the sequencer from `start` to `stop`. A pass that fails is logged and tried again."""

    def __init__(self, log: Log, key: SigningKey) -> None:
        """Take the log's lock. Raises SequencerRunning, CheckpointInvalid, LogUnreadable, OSError."""
        self._sequencer = Sequencer(spools=log.spools, log=log.tiles, key=key, origin=log.origin)
        self._tiles, self._index = Tiles(log.tiles), Index(log.index)
        self._stop = threading.Event()
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="sequencer")

    def trouble(self) -> str:
        """Return why the last pass failed, or ""."""
        return self._trouble

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Make one last pass and end the thread."""
        self._stop.set()
        self._thread.join()
        self._sequencer.close()

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stop.wait(PAUSE_SECONDS)
            try:
                self._index.refresh(self._tiles, self._sequencer.integrate())
                self._trouble = ""
            except (AuditError, OSError, sqlite3.Error) as failure:
                told, self._trouble = self._trouble, f"{type(failure).__name__}: {failure}"
                if self._trouble != told:
                    _log.exception("pass failed; tried again until it is not")
        self._index.close()
