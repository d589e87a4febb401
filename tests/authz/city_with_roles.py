"""A city with offices: people, roles, mandates to give them, and the administration that does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from authz import offices, store
from authz.administer import Administration, RoleAssignment, RoleTerms
from authz.label import Label
from authz.register import Register
from storage.act import Act
from storage.epoch import EpochSource, MemoryEpochs
from storage.shared_epoch import PostgresEpochs
from tests.acts import an_act
from tests.idp.people import NOW, TREE, CityWithPeople, city_with_people

__all__ = ["NOW", "CityWithRoles", "city_with_roles"]
CLERK = "clerk"


class CityWithRoles:
    """`administration` writes, `register` reads, `epochs` counts."""

    def __init__(self, city: CityWithPeople) -> None:
        self.city = city
        city.add("admin", "li", "wang")
        rows = [
            dict(zip(("id", "name_zh", "name_en", "allows_zh", "allows_en"), (role, *words), strict=True))
            for role, words in {CLERK: ("", "", "", ""), **offices.NAMES}.items()
        ]
        with city.database.transaction() as connection:
            connection.execute(sa.insert(store.role), rows)
        postgres = city.url.startswith("postgresql")
        self.epochs: EpochSource = (
            PostgresEpochs(city.database, monotonic=time.monotonic)
            if postgres
            else MemoryEpochs(monotonic=time.monotonic)
        )
        self.administration = Administration(
            city.database, city.directory, epochs=self.epochs, clock=city.clock, mint=city.mint
        )
        self.register = Register(city.database, city.directory, public=tuple)

    def mandate(
        self, role: str = CLERK, department: str = "civil", ceiling: int = 3, *, actor: str = "user:admin"
    ) -> None:
        with self.city.database.transaction() as connection:
            connection.execute(
                sa.insert(store.may_grant).values(
                    id=self.city.mint(), subject=actor, role=role, department=department, ceiling=ceiling, record="01J"
                )
            )

    def act(self, actor: str = "user:admin", *, record: str = "01K") -> Act:
        """An act of `actor` at the moment that the city's clock says."""
        return an_act(actor, record=record, at=self.city.clock())

    def give(
        self, subject: str = "user:li", *, actor: str = "user:admin", record: str = "01K", **changes: object
    ) -> RoleAssignment:
        terms = {
            "role": CLERK, "department": "civil", "clearance": Label.L2, "expires_at": None, "reason": "duty",
        }  # fmt: skip
        return self.administration.assign(subject, RoleTerms(**terms | changes), self.act(actor, record=record))[0]

    def take(
        self, held: RoleAssignment, *, actor: str = "user:admin", record: str = "01L", **changes: object
    ) -> RoleAssignment:
        wanted = {"subject": held.subject, "department": "civil"} | changes
        return self.administration.revoke(held.id, **wanted, act=self.act(actor, record=record))[0]

    def held(self) -> list[RoleAssignment]:
        """What Li holds now, anywhere in the city."""
        return list(self.administration.assignments_of("user:li", inside=frozenset(TREE)))

    def insert(self, table: sa.Table, **values: object) -> None:
        with self.city.database.transaction() as connection:
            connection.execute(sa.insert(table).values(values))

    def changed_subjects(self, *, since: int = 0) -> list[str]:
        """The subjects of the changes after that epoch."""
        changes = self.epochs.ask("a gateway", holds=since).changes
        assert changes is not None
        return [change.key for change in changes]


@contextmanager
def city_with_roles(url: str) -> Iterator[CityWithRoles]:
    with city_with_people(url) as city:
        yield CityWithRoles(city)
