"""What the door decides by, who keeps it fresh, and when a change is effective everywhere."""

import gc
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from authz.lease import Decider, Keeper, Receipt, Snapshot, receipt
from authz.park import Parking
from authz.policy import PolicySet
from authz.register import Register
from authz.snapshot import Snapshots
from city.settings import Settings
from city.stores import Stores
from crypto.aead import Sealer
from gateway.deliver import Streams
from idp.session import Sessions
from storage.epoch import EpochAnswer

_log = logging.getLogger("citygate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """The decision point of one process."""

    register: Register
    parking: Parking
    decider: Decider
    keeper: Keeper
    streams: Streams
    stores: Stores

    def policies(self) -> PolicySet:
        """What the door decides by now."""
        return self.decider.snapshot.policies

    def effective(self, epoch: int) -> Receipt:
        """Wait until every gateway decides by `epoch`."""
        return wait_until_effective(self.stores, epoch)

    def highest_grade(self) -> int:
        """Of the platform: the highest it carries (GB/T 22240-2020)."""
        systems = self.register.systems().values()
        return max((max(system.s or system.label, system.a or 1) for system in systems), default=1)


def wait_until_effective(stores: Stores, epoch: int) -> Receipt:
    """Wait until every gateway decides by `epoch`; what waits for that is told at once that it is there."""
    stores.hints.tell()
    return receipt(stores.epochs, epoch)


def open_deciding(
    settings: Settings,
    stores: Stores,
    *,
    register: Register,
    sessions: Sessions,
    seal: Sealer,
    learn: Callable[[EpochAnswer], None],
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> Deciding:
    """Load the whole policy once. `learn` takes what this process holds beside it, before an epoch is confirmed.

    Raises PolicyInvalid, StorageUnavailable.
    """
    streams = Streams()
    snapshots = Snapshots(
        register, monotonic=time.monotonic, report_ended=streams.end_soon, list_ended_within=sessions.list_ended_within
    )
    decider = Decider(snapshots.first(stores.epochs.confirmations().epoch))
    keeper = Keeper(
        decider,
        stores.epochs,
        gateway=f"{settings.name}/{mint()}",
        load=partial(_load, snapshots, learn),
        trouble=lambda failure: _log.error("lease: %s", failure or "deadline"),
    )
    stores.hints.listen(keeper.nudge)
    return Deciding(
        register=register,
        parking=Parking(stores.database, seal, clock=clock),
        decider=decider,
        keeper=keeper,
        streams=streams,
        stores=stores,
    )


def _load(snapshots: Snapshots, learn: Callable[[EpochAnswer], None], held: Snapshot, answer: EpochAnswer) -> Snapshot:
    """The next snapshot; whole new policies are set aside from the garbage collector, as the first ones are."""
    learn(answer)
    loaded = snapshots.load(held, answer)
    if loaded.policies.rules is not held.policies.rules:
        gc.freeze()
    return loaded
