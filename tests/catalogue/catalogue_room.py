"""The catalogue's room over a city: what is published, made and shared there, and what the decision point says then."""

from datetime import datetime, timedelta
from typing import Any

from authz.decide import decide
from authz.label import Label
from authz.request import AccessRequest
from catalogue.resource import Resource
from catalogue.room import Catalogue, open_catalogue
from catalogue.share import Share, ShareRequest
from crypto.aead import Seal
from storage.act import Act
from tests.authz.city_with_roles import CityWithRoles
from tests.catalogue.publishing_city import described
from tests.idp.people import NOW

SEAL = Seal(b"k" * 32)


class CatalogueRoom:
    """The room over a city; `may` asks the decision point, as it is at the clock's time."""

    def __init__(self, roles: CityWithRoles) -> None:
        self.roles, self.notes = roles, dict[str, str | int]()
        city = roles.city
        self.room: Catalogue = open_catalogue(
            city.database, roles.epochs, SEAL, clock=city.clock, mint=city.mint,
            label_of=lambda department, system, _: Label.L3 if (department, system) == ("housing", "housing") else None,
        )  # fmt: skip

    def act(self, actor: str, record: str, department: str, approver: str = "") -> Act:
        """An act at the clock's time; what all of them note is in `notes`."""
        at = self.roles.city.clock()
        return Act(actor=actor, approver=approver, record=record, at=at, department=department, notes=self.notes)

    def publish(self, path: str = "/open/p", **changes: str) -> Resource:
        act = self.act("user:admin", "01R", "housing")
        return self.room.resources.publish(described(**changes), act, system="housing", path=path)[0]

    def withdraw(self, one: Resource, department: str = "housing") -> None:
        self.room.resources.withdraw(one.resource, self.act("user:admin", "01W", department))

    def app(self, name: str = "核验", department: str = "civil") -> str:
        return self.room.apps.create(name, self.act("user:li", "01A", department))[0].id

    def give(
        self,
        one: Resource,
        app: str,
        *,
        speaks_for: Any = lambda _: True,
        until: datetime = NOW + timedelta(days=30),
        department: str = "housing",
        resource: str = "",
    ) -> Share:
        wanted = ShareRequest(resource=resource or one.resource, app=app, purpose="核验", until=until)
        act = self.act("user:li", "01S", department, approver="user:admin")
        return self.room.shares.give(wanted, act, speaks_for=speaks_for)[0]

    def may(self, app: str, path: str = "/open/p", *, label: Label = Label.L3, action: str = "read") -> str:
        policies = self.roles.register.policies(version=1)
        request = AccessRequest(
            id="01J", at=self.roles.city.clock(), subject=app, department="housing", object=f"/housing{path}",
            action=action, label=label, ceiling=Label.L3,
        )  # fmt: skip
        return decide(policies, request).reason
