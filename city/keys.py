"""The city's keys put together: the seal of the platform, the keyring, the key service, and their upkeep."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from audit.event import Event, EventKind
from audit.spool import Spool
from authz.sealed_places import sealed_places as places_of_authz
from city.settings import Settings
from city.stores import Stores
from crypto.founding import OLD_FILE, adopt, check_key_file, founding_act, wrapping_of
from crypto.key_service import KeyService
from crypto.keyring import Keyring
from crypto.platform import CITY, PLATFORM, PlatformSeal, ring_of
from crypto.reseal import SealedPlace
from crypto.upkeep import Upkeep
from crypto.uses import Uses
from idp.directory import Directory
from idp.sealed_places import sealed_places as places_of_idp
from storage.act import Act
from storage.actions import Action
from storage.epoch import EpochAnswer

_RECORD_SECONDS = 60.0  # one record, on a slow disk


class CityKeys:
    """One process's share: it holds the ring of the platform's seal. Raises KeyFileUnsafe, which says what to do."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        directory: Directory,
        *,
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        self._folder, self._stores, self._clock = settings.data / "keys", stores, clock
        self._linger = timedelta(seconds=settings.seal_linger_seconds)
        database, act = stores.database, founding_act(record=mint(), at=clock())
        write = partial(_write_record, settings, act, clock)
        adopt(database, self._folder, ids=(mint(), mint()), act=act, write_record=write)
        wrapping = wrapping_of(self._folder)
        check_key_file(database, wrapping)
        self.keyring = Keyring(
            database, wrapping, epochs=stores.epochs, chain=partial(_chain, directory), clock=clock, mint=mint
        )
        self.uses = Uses(database, clock=clock)
        self.service = KeyService(self.keyring, uses=self.uses)
        self.seal = PlatformSeal(partial(ring_of, self.keyring), uses=self.uses, monotonic=time.monotonic)

    def upkeep(self, effective: Callable[[int], object]) -> Callable[[Act], int]:
        """Return what the clock-job asks for: it takes the job's act and returns how many things it did."""
        work = Upkeep(
            self.keyring,
            self.seal,
            sealed_places(self._stores),
            uses=self.uses,
            effective=effective,
            linger=self._linger,
            clock=self._clock,
            monotonic=time.monotonic,
        )

        def run(act: Act) -> int:
            done = work.run(act)
            if not any(one.number == 1 and one.opens for one in self.keyring.key(CITY, PLATFORM).versions):
                (self._folder / OLD_FILE).unlink(missing_ok=True)  # of a city from before: version 1 is destroyed
            return done

        return run

    def learn(self, answer: EpochAnswer) -> None:
        """Take the ring that is current, if an answer says there may be another. Raises StorageUnavailable."""
        if answer.changes is None or any(change.kind == "key" for change in answer.changes):
            self.seal.reload()


def sealed_places(stores: Stores) -> Sequence[SealedPlace]:
    """Every place where something is kept that the platform sealed.

    Two kinds are in browsers and nowhere else: a sign-in under way (10 minutes), and the receipt in an address, which
    is told once. The local issuer seals its own file under its own key, and so does whoever keeps access keys.
    """
    database = stores.database
    return (*places_of_idp(database, stores.ephemeral), *places_of_authz(database))


def _write_record(settings: Settings, act: Act, clock: Callable[[], datetime], witness: Mapping[str, str]) -> None:
    """Write the record of a city that is given its keyring, which nobody asked for at the door."""

    async def write() -> None:
        spool = Spool(settings.data / "audit/spools" / settings.name, clock=clock)
        event = Event(
            id=act.record, kind=EventKind.BOOTSTRAP, at=act.at, subject=act.actor, department=act.department,
            object="/city/keys", action=Action.KEY_CREATE, label=3, result="ok", status=0, reason="founding", rule="",
            detail=dict(witness),
        )  # fmt: skip
        await spool.append(event, synced=True, reserved=True)
        spool.close()

    with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
        thread.submit(asyncio.run, asyncio.wait_for(write(), _RECORD_SECONDS)).result(2 * _RECORD_SECONDS)


def _chain(directory: Directory, department: str) -> list[str]:
    """A department and those above it, nearest first."""
    tree, chain = directory.departments(), list[str]()
    while department in tree and department not in chain:
        chain.append(department)
        department = tree[department].parent or ""
    return chain
