"""One process of the door put together: its parts, each built from those before it, and from nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from authz.register import Register
from city.admission import Strangers, open_credentials, open_strangers
from city.clock import clock
from city.deciding import Deciding, open_deciding
from city.identifiers import mint
from city.keys import CityKeys
from city.people import People, open_directory, open_people
from city.records import Records, open_records
from city.rooms import Rooms, open_rooms
from city.routing import Routing, plan_routes
from city.settings import Settings
from city.stores import Stores
from gateway.authenticate import Credentials
from gateway.public_rules import public_rules
from idp.directory import Directory
from storage.epoch import EpochAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The parts in the order they are built. Whoever needs one is given that one: only this package sees them all."""

    settings: Settings
    clock: Callable[[], datetime]
    stores: Stores
    keys: CityKeys
    people: People
    strangers: Strangers
    routing: Routing
    deciding: Deciding
    credentials: Credentials
    records: Records
    rooms: Rooms


def open_city(settings: Settings, stores: Stores, *, role: str = "city", clock: Callable[[], datetime] = clock) -> City:
    """Build the parts of a process with this `role`; nothing runs yet.

    Raises KeyFileUnsafe, InvalidRoute, PolicyInvalid, StorageUnavailable, AuditUnavailable.
    """
    directory = open_directory(settings, stores)
    keys = CityKeys(settings, stores, directory, clock=clock, mint=mint)
    people = open_people(settings, stores, directory, keys.seal, clock=clock, mint=mint)
    strangers = open_strangers(settings, stores, keys.seal, clock=clock)
    routing = _open_routing(settings, stores, directory, role)
    deciding = _open_deciding(
        settings, stores, keys=keys, people=people, strangers=strangers, routing=routing, clock=clock
    )
    records = open_records(settings, stores.database, clock=clock)
    return City(
        settings=settings,
        clock=clock,
        stores=stores,
        keys=keys,
        people=people,
        strangers=strangers,
        routing=routing,
        deciding=deciding,
        credentials=open_credentials(people, strangers.signed, leased=deciding.decider.fresh, clock=clock),
        records=records,
        rooms=open_rooms(
            settings,
            stores,
            directory=directory,
            seal=keys.seal,
            routing=routing,
            deciding=deciding,
            records=records,
            clock=clock,
            mint=mint,
        ),
    )


def _open_routing(settings: Settings, stores: Stores, directory: Directory, role: str) -> Routing:
    systems = Register(stores.database, directory, public=tuple).systems()
    return plan_routes(settings, role, labels={name: system.label for name, system in systems.items()})


def _open_deciding(
    settings: Settings,
    stores: Stores,
    *,
    keys: CityKeys,
    people: People,
    strangers: Strangers,
    routing: Routing,
    clock: Callable[[], datetime],
) -> Deciding:
    public = public_rules(routing.everywhere)

    def learn(answer: EpochAnswer) -> None:
        strangers.signed.forget()  # whoever is found from here on is found as he is after the change
        keys.learn(answer)  # a key's version seals when every gateway has it

    return open_deciding(
        settings,
        stores,
        register=Register(stores.database, people.directory, public=lambda: public),
        sessions=people.sessions,
        seal=keys.seal,
        learn=learn,
        clock=clock,
        mint=mint,
    )
