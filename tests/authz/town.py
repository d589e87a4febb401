"""A town with offices: people, roles, mandates to give them, and the administration that does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from authz import offices, store
from authz.administer import Administration, Held
from authz.label import Label
from authz.register import Register
from tests.idp.people import NOW, Town, town

__all__ = ["NOW", "Desk", "desk"]
CLERK = "clerk"


class Desk:
    """`administration` writes, `register` reads, `bumps` are the subjects whose change was told."""

    def __init__(self, city: Town) -> None:
        self.city = city
        city.add("admin", "li", "wang")
        rows = [
            dict(zip(("id", "name_zh", "name_en", "allows_zh", "allows_en"), (role, *words), strict=True))
            for role, words in {CLERK: ("", "", "", ""), **offices.NAMES}.items()
        ]
        with city.database.transaction() as connection:
            connection.execute(sa.insert(store.role), rows)
        self.bumps: list[tuple[str, int]] = []
        self.administration = Administration(
            city.database, city.directory, changed=self._changed, clock=city.clock, mint=city.mint
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

    def give(self, subject: str = "user:li", **changes: object) -> Held:
        wanted = {
            "actor": "user:admin",
            "role_id": CLERK,
            "department": "civil",
            "clearance": Label.L2,
            "expires_at": None,
            "reason": "duty",
            "record": "01K",
        }
        return self.administration.assign(subject=subject, **wanted | changes)[0]

    def take(self, held: Held, **changes: object) -> Held:
        wanted = {"actor": "user:admin", "subject": held.subject, "department": "civil", "record": "01L"}
        return self.administration.revoke(held.id, **wanted | changes)[0]

    def insert(self, table: sa.Table, **values: object) -> None:
        with self.city.database.transaction() as connection:
            connection.execute(sa.insert(table).values(values))

    def _changed(self, subject: str) -> int:
        """As a gateway would read at this moment: what is told must be there."""
        held = len(self.register.policies(version=0).assignments_of(subject))
        self.bumps.append((subject, held))
        return len(self.bumps)


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    with town(folder) as city:
        yield Desk(city)
