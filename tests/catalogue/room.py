"""The room over a town: what is published, made and shared there, and what the decision point says then."""

from datetime import timedelta
from typing import Any

from authz.decide import decide
from authz.label import Label
from authz.request import AccessRequest
from catalogue.resource import Resource
from catalogue.room import Catalogue, over
from catalogue.share import Asked, Share
from crypto.aead import Seal
from tests.authz.town import Desk
from tests.catalogue.shop import described
from tests.idp.people import NOW

SEAL = Seal(b"k" * 32)


class Room:
    """The room over a town; `may` asks the decision point, as it is at the clock's time."""

    def __init__(self, town: Desk) -> None:
        self.town, self.told = town, dict[str, str | int]()
        city = town.city
        self.room: Catalogue = over(
            city.database, town.epochs, SEAL, clock=city.clock, mint=city.mint,
            label_of=lambda department, system, _: Label.L3 if (department, system) == ("housing", "housing") else None,
        )  # fmt: skip

    def publish(self, path: str = "/open/p", **changes: str) -> Resource:
        return self.room.resources.publish(
            described(**changes), department="housing", system="housing", path=path, actor="user:admin", record="01R",
            told=self.told,
        )[0]  # fmt: skip

    def withdraw(self, one: Resource, department: str = "housing") -> None:
        self.room.resources.withdraw(
            one.resource, department=department, actor="user:admin", record="01W", told=self.told
        )

    def app(self, name: str = "核验", department: str = "civil") -> str:
        return self.room.apps.create(name, department_id=department, actor="user:li", record="01A", told=self.told)[
            0
        ].id

    def give(self, one: Resource, app: str, *, speaks_for: Any = lambda _: True, **changes: Any) -> Share:
        asked = {"resource": one.resource, "department": "housing", "app": app, "purpose": "核验",
                 "until": NOW + timedelta(days=30), "actor": "user:li", "approver": "user:admin", "record": "01S"}  # fmt: skip
        return self.room.shares.give(Asked(**asked | changes), speaks_for=speaks_for, told=self.told)[0]

    def may(self, app: str, path: str = "/open/p", *, label: Label = Label.L3, action: str = "read") -> str:
        policies = self.town.register.policies(version=1)
        request = AccessRequest(
            id="01J", at=self.town.city.clock(), subject=app, department="housing", object=f"/housing{path}",
            action=action, label=label, ceiling=Label.L3,
        )  # fmt: skip
        return decide(policies, request).reason
