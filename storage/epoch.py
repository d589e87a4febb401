"""The epoch: one number that counts every change a gateway must confirm, the changes, and who confirmed what."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import Connection

Kind = Literal["session", "subject", "policy", "key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochChange:
    """What became different with `epoch`: a session ended, a subject's assignments, everything, or a key's versions."""

    epoch: int
    kind: Kind
    key: str  # the session, the subject, the key's id, or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochAnswer:
    """The current epoch, and the changes since the one that was held, oldest first. None instead of changes means: load
    everything.
    """

    epoch: int
    changes: tuple[EpochChange, ...] | None  # None: those since are no longer, or were never, known


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Which epoch a gateway last said it holds, and when it was last told that this is the current one."""

    epoch: int
    granted_at: float  # seconds on the source's monotonic clock; every lease of this gateway was sent before


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmations:
    """All gateways that may still decide, at one moment of the source's clock."""

    at: float
    epoch: int
    gateways: Mapping[str, Confirmation]


class EpochSource(Protocol):
    """Where every gateway asks for the epoch. Called from threads. Raises OSError or StorageUnavailable if it cannot be
    reached.
    """

    def bump(self, connection: Connection, changes: Iterable[tuple[Kind, str]]) -> int:
        """Count these changes as one step with the transaction of `connection`, and return its epoch.

        Call it last in the transaction: others learn the epoch when it commits, never before they can read the
        changes.
        """

    def ask(self, gateway: str, *, holds: int) -> EpochAnswer:
        """Confirm that `gateway` decides by `holds` or newer from here on, and learn the current epoch.

        `gateway` names one life of one process: a restart is another name. Questions may arrive twice or late.
        """

    def confirmations(self) -> Confirmations:
        """Return which gateway confirmed which epoch."""


_NOTHING_YET = Confirmation(epoch=0, granted_at=-math.inf)


class MemoryEpochs:
    """An EpochSource for the gateways of one process; thread-safe, bounded.

    A step is counted before its transaction commits: whoever then reads SQLite waits for the commit. One that is
    rolled back was counted for nothing.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        keep_changes: int = 4096,
        forget_seconds: float = 60.0,
    ) -> None:
        self._monotonic = monotonic
        self._keep_changes, self._forget_seconds = keep_changes, forget_seconds
        self._lock = threading.Lock()
        self._epoch = 0
        self._known_from = 0  # changes after this epoch are all in the feed
        self._feed: deque[EpochChange] = deque()
        self._gateways: dict[str, Confirmation] = {}

    def bump(self, connection: Connection, changes: Iterable[tuple[Kind, str]]) -> int:  # noqa: ARG002 - one process
        with self._lock:
            self._epoch += 1
            self._feed.extend(EpochChange(epoch=self._epoch, kind=kind, key=key) for kind, key in changes)
            while len(self._feed) > self._keep_changes:
                self._known_from = self._feed.popleft().epoch
            return self._epoch

    def ask(self, gateway: str, *, holds: int) -> EpochAnswer:
        with self._lock:
            now = self._monotonic()
            known = self._gateways.get(gateway, _NOTHING_YET)
            self._gateways[gateway] = Confirmation(
                # a question may be late; one about an epoch that never was comes from before our restart
                epoch=max(known.epoch, holds) if holds <= self._epoch else known.epoch,
                granted_at=now if holds == self._epoch else known.granted_at,
            )
            return EpochAnswer(epoch=self._epoch, changes=self._since(holds))

    def confirmations(self) -> Confirmations:
        with self._lock:
            now = self._monotonic()
            silent = [name for name, one in self._gateways.items() if now - one.granted_at > self._forget_seconds]
            for name in silent:
                del self._gateways[name]
            return Confirmations(at=now, epoch=self._epoch, gateways=dict(self._gateways))

    def _since(self, epoch: int) -> tuple[EpochChange, ...] | None:
        if not self._known_from <= epoch <= self._epoch:
            return None
        if epoch == self._epoch:
            return ()
        return tuple(change for change in self._feed if change.epoch > epoch)
