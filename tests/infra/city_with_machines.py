"""A city's database with zones, hosts, systems and quotas in it, and what is built on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from authz import store
from infra import founding
from infra.data_plane import DataPlane
from infra.hypervisor import Hypervisor
from infra.machines import Machine, MachineOrder, Machines
from infra.nftables import RuleModel, compile_rules
from infra.quota import Size
from infra.quotas import Quotas
from infra.simulated_hypervisor import SimulatedHypervisor
from infra.simulated_plane import SimulatedPlane
from infra.zone import Flow, Way, Zone
from infra.zones import FlowTerms, Zones
from storage.act import Act
from tests.acts import an_act
from tests.idp.people import NOW, TREE, CityWithPeople, city_with_people

CEILINGS = {"internet": 1, "extranet": 2, "core": 4}
ZONES = [
    Zone(
        id=name, name_zh=f"{name}区", name_en=name, network=name, prefix=f"10.77.{number}.0/24",
        interface=f"zn-{name}", ceiling=CEILINGS[name],
    )
    for number, name in enumerate(CEILINGS)
]  # fmt: skip
QUOTAS = {"city": Size(32, 64, 1000), "civil": Size(8, 16, 200)}
HOSTS = {"core-1": Size(16, 32, 500), "core-2": Size(16, 32, 500)}
ONE = Size(1, 1, 1)
CIVIL = frozenset({"civil"})
IN_A_DAY = NOW + timedelta(days=1)


def flow(
    from_zone: str, to_zone: str, port: int = 443, protocol: str = "tcp", *, identifier: str = "01A", days: int = 1
) -> Flow:
    return Flow(
        id=identifier, from_zone=from_zone, to_zone=to_zone, protocol=protocol, port=port, owner="civil",
        expires_at=NOW + timedelta(days=days),
    )  # fmt: skip


FLOWS = [
    flow("core", "extranet", identifier="01A"),
    flow("internet", "extranet", 80, identifier="01B"),
    flow("internet", "extranet", 53, "udp", identifier="01C"),
    flow("extranet", "core", 443, "udp", identifier="01D"),
]


def compiled(flows: list[Flow]) -> RuleModel:
    return compile_rules(ZONES, flows, at=NOW)


class CityWithMachines:
    """`zones` and `machines` on one database; ids are ULID-shaped numbers in order."""

    def __init__(
        self, city: CityWithPeople, place: Path, plane: DataPlane | None, hypervisor: Hypervisor | None
    ) -> None:
        self.city, self._numbers = city, count()
        self.hypervisor = hypervisor or SimulatedHypervisor(place / "hypervisor.db")
        self.quotas = Quotas(city.database, lambda: {child: parent for child, parent in TREE.items() if parent})
        self.machines = Machines(city.database, self.hypervisor, self.quotas, clock=city.clock, mint=self.mint)
        self.plane = plane or SimulatedPlane(place / "zones.json")
        self.zones = Zones(city.database, self.plane, clock=city.clock, mint=self.mint)

    def mint(self) -> str:
        return f"01{next(self._numbers):06d}"

    def act(self, record: str) -> Act:
        """What Sun asks for at this moment, with Zhou as second person."""
        return an_act("user:sun", approver="user:zhou", record=record, at=self.city.clock())

    def open(self, way: Way, *, days: int = 1) -> Flow:
        terms = FlowTerms(owner="civil", reason="duty", expires_at=self.city.clock() + timedelta(days=days))
        return self.zones.open(way, terms, an_act(approver="user:feng", record="01OPEN", at=self.city.clock()))[0]

    def rows(self, table: sa.Table) -> list[dict]:
        return self.city.rows(table)


def order(name: str = "web", size: Size = ONE, department: str = "civil") -> MachineOrder:
    return MachineOrder(name=name, department=department, system="marriage", zone="core", size=size, purpose="duty")


def request(infra_city: CityWithMachines, name: str = "web", size: Size = ONE, department: str = "civil") -> Machine:
    return infra_city.machines.request(order(name, size, department), infra_city.act("01REQUEST"))


def change(infra_city: CityWithMachines, machine: Machine, wanted: str) -> Machine:
    return infra_city.machines.change(machine.id, wanted, infra_city.act("01CHANGE"), inside=CIVIL)


@contextmanager
def city_with_machines(
    url: str,
    place: Path,
    *,
    plane: DataPlane | None = None,
    hypervisor: Hypervisor | None = None,
    founded: bool = False,
) -> Iterator[CityWithMachines]:
    """`founded`: the database has its rows already, of another process."""
    if founded:
        from idp.directory import Directory
        from storage.database import Database

        database = Database(url)
        yield CityWithMachines(CityWithPeople(url, database, Directory(database, issuers={})), place, plane, hypervisor)
        database.close()
        return
    with city_with_people(url) as city:
        with city.database.transaction() as connection:
            connection.execute(
                sa.insert(store.zone),
                [
                    {**{name: getattr(one, name) for name in Zone.__dataclass_fields__}, "record": "01F"}
                    for one in ZONES
                ],
            )
            row = {"id": "marriage", "department": "civil", "name_zh": "", "name_en": "", "label": 2}
            connection.execute(sa.insert(store.system).values(row))
            told = {
                "hosts": [{"id": name, "zone": "core", **size._asdict()} for name, size in HOSTS.items()],
                "quotas": [{"department": name, **size._asdict()} for name, size in QUOTAS.items()],
            }
            founding.insert(connection, told, record="01F")
        yield CityWithMachines(city, place, plane, hypervisor)
