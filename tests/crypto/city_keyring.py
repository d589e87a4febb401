"""The keys of a city: a keyring, the platform's seal over it, and every place where it seals something."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from authz import park, store
from city.identifiers import mint
from crypto import founding
from crypto.aead import Seal
from crypto.keyring import Keyring
from crypto.platform import PlatformSeal, ring_of
from crypto.reseal import Column, Forgettable, SealedPlace
from crypto.upkeep import Upkeep
from crypto.uses import Uses
from idp import recheck
from idp.cookies import PREFIX
from idp.session import ID_TOKEN
from idp.store import session
from storage.act import Act
from storage.ephemeral import DatabaseEphemeral, Ephemeral
from storage.epoch import EpochSource, MemoryEpochs
from storage.shared_epoch import PostgresEpochs
from tests.acts import an_act
from tests.idp.people import TREE, CityWithPeople, city_with_people

RECORD = "01R" + "0" * 23


class CityKeyring:
    """One process's view; `another()` is that of another process on the same database."""

    def __init__(self, city: CityWithPeople, ephemeral: Ephemeral, kek: bytes = bytes(range(32))) -> None:
        self.city, self.ephemeral, self.kek = city, ephemeral, kek
        self.monotonic = 0.0
        postgres = city.url.startswith("postgresql")
        self.epochs: EpochSource = (
            PostgresEpochs(city.database, monotonic=time.monotonic)
            if postgres
            else MemoryEpochs(monotonic=time.monotonic)
        )
        self.keyring = Keyring(city.database, Seal(kek), epochs=self.epochs, chain=chain, clock=city.clock, mint=mint)
        self.uses = Uses(city.database, clock=city.clock)

    def with_first_keys(self, first: bytes = bytes(32)) -> "CityKeyring":
        with self.city.database.transaction() as connection:
            act = founding.founding_act(record=RECORD, at=self.city.clock())
            founding.write_first_keys(connection, Seal(self.kek), first, ids=(mint(), mint()), act=act)
        return self

    def act(self) -> Act:
        """An act of a security administrator, now."""
        return an_act(record=RECORD, at=self.city.clock())

    def run(self, work: Upkeep) -> dict[str, str | int]:
        """Run the clock-job's work; what its record says of it."""
        act = an_act("service:clock", record=RECORD, at=self.city.clock())
        work.run(act)
        return act.notes

    def seal(self) -> PlatformSeal:
        """What one gateway holds: it learns of nothing unless it is told."""
        return PlatformSeal(lambda: ring_of(self.keyring), uses=self.uses, monotonic=lambda: self.monotonic)

    def places(self) -> list[SealedPlace]:
        database = self.city.database
        return [
            Column(database, session.c.id_token, purpose=lambda _row: ID_TOKEN),
            Column(database, session.c.refresh_token, purpose=lambda row: recheck.purpose_of(row["id"])),
            Column(database, store.parked.c.sealed, purpose=lambda row: park.purpose_of(dict(row))),
            Column(database, store.parked.c.approval, purpose=park.approval_purpose),
            Forgettable(self.ephemeral, PREFIX),
        ]

    def upkeep(
        self, seal: PlatformSeal, *, linger: float = 600, effective: Callable[[int], object] | None = None
    ) -> Upkeep:
        def told(_epoch: int) -> None:
            seal.reload()

        return Upkeep(
            self.keyring, seal, self.places(), uses=self.uses, effective=effective or told,
            linger=timedelta(seconds=linger), clock=self.city.clock, monotonic=time.monotonic,
        )  # fmt: skip

    def rotate(self, name: str = "platform", department: str = "city", *seals: PlatformSeal) -> int:
        """Rotate, while these gateways learn of each step before it is called effective."""

        def told(_epoch: int) -> None:
            for one in seals:
                one.reload()

        key, _ = self.keyring.rotate(self.keyring.key(department, name), self.act(), effective=told)
        return key.active.number


def chain(department: str) -> list[str]:
    above = TREE[department]
    return [department, *(chain(above) if above else ())]


@contextmanager
def city_keyring_at(url: str) -> Iterator[CityKeyring]:
    with city_with_people(url) as city:
        yield CityKeyring(city, DatabaseEphemeral(city.database, clock=city.clock)).with_first_keys()
