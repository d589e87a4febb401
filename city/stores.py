"""What a profile puts behind the contracts: one process's own stores, or a database and a cache that many share."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from city.settings import Settings
from storage.counts import Counts
from storage.database import Database
from storage.ephemeral import DatabaseEphemeral, Ephemeral
from storage.epoch import EpochSource, MemoryEpochs


class Telling(Protocol):
    """A hint that there is a new epoch, which may be lost: every process asks soon by itself."""

    def tell(self) -> None:
        """Somebody should ask now."""

    def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard`, in some thread, at every hint."""

    def stop(self) -> None:
        """Hear nothing more."""


@dataclass(slots=True)
class _InProcess:
    """Hints of a process to itself."""

    _heard: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self) -> None:
        for heard in self._heard:
            heard()

    def listen(self, heard: Callable[[], None]) -> None:
        with self._lock:
            self._heard = [*self._heard, heard]

    def stop(self) -> None:
        self._heard = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where this process's state is. Called from threads only."""

    database: Database
    ephemeral: Ephemeral
    epochs: EpochSource
    hints: Telling
    counts: Counts | None  # None: nobody else counts
    others: tuple[Database, ...] = ()  # pools for one purpose each

    def close(self) -> None:
        """Give everything back."""
        self.hints.stop()
        for pool in (self.database, *self.others):
            pool.close()


def open_stores(settings: Settings, *, clock: Callable[[], datetime]) -> Stores:
    """The stores of this process. Embedded, the schema is brought up to date; in production `bootstrap` does that.

    Raises StorageUnavailable.
    """
    if settings.profile == "production":
        return _production(settings)
    database = Database(f"sqlite:///{settings.data / 'city.db'}")
    database.migrate()
    return Stores(
        database=database,
        ephemeral=DatabaseEphemeral(database, clock=clock),
        epochs=MemoryEpochs(monotonic=time.monotonic),
        hints=_InProcess(),
        counts=None,
    )


def _production(settings: Settings) -> Stores:
    from storage.redis_stores import Hints, RedisEphemeral, connect
    from storage.shared_counts import RedisCounts
    from storage.shared_epoch import PostgresEpochs

    url, cache = database_url(settings), connect(settings.redis, settings.redis_password)
    database = Database(url, connections=20)
    asking = Database(url, connections=2)  # of its own: a busy pool must not cost the lease
    return Stores(
        database=database,
        ephemeral=RedisEphemeral(cache),
        epochs=PostgresEpochs(asking, monotonic=time.monotonic),
        hints=Hints(cache),
        counts=RedisCounts(cache),
        others=(asking,),
    )


def database_url(settings: Settings) -> str:
    """The production database's address with its password; never printed."""
    parts = urlsplit(settings.database)
    account, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{account}:{quote(settings.database_password, safe='')}@{place}"))
