"""The city's log, this process's spool, and the rows of the database held against them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from audit.log import Log
from audit.reconcile import Reconciled
from audit.spool import Spool
from city.settings import Settings
from crypto.sign import load_public
from storage import witness
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What happened, provably."""

    log: Log
    spool: Spool
    database: Database
    clock: Callable[[], datetime]

    def reconcile(self) -> Reconciled:
        """Hold every witnessed row, as it is at one moment, against the log."""
        with self.database.reading() as connection:
            rows = list(witness.rows(connection))
        return self.log.reconcile(rows, stays=witness.stays, now=self.clock())


def open_log(settings: Settings) -> Log:
    """Where this city's log is; reading and verifying it takes the public key alone."""
    key = load_public(settings.data / "keys/audit.pub")
    return Log(folder=settings.data / "audit", key=key, origin=f"citygate.{settings.domain}/audit")


def open_records(settings: Settings, database: Database, *, clock: Callable[[], datetime]) -> Records:
    """The log to read, and the spool that this process writes. Raises AuditUnavailable."""
    log = open_log(settings)
    return Records(log=log, spool=Spool(log.spools / settings.name, clock=clock), database=database, clock=clock)
