"""Wiring of machines and zones: the drivers that the settings name, and what desks and clock-job work with."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from city.settings import Settings
from idp.directory import Directory
from infra.data_plane import DataPlane
from infra.machines import Machines
from infra.namespaces import NamespacePlane
from infra.parts import Infrastructure
from infra.quotas import Quotas
from infra.simulated_hypervisor import SimulatedHypervisor
from infra.simulated_plane import SimulatedPlane
from infra.zones import Zones
from storage.database import Database


def infrastructure(
    settings: Settings,
    database: Database,
    directory: Directory,
    *,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> Infrastructure:
    """Put it together; nothing is started or changed by that."""

    def parents() -> dict[str, str]:
        return {node.id: node.parent for node in directory.departments().values() if node.parent}

    quotas = Quotas(database, parents)
    hypervisor = SimulatedHypervisor(settings.data / "infra/hypervisor.db")
    return Infrastructure(
        zones=Zones(database, data_plane(settings), clock=clock, mint=mint),
        machines=Machines(database, hypervisor, quotas, clock=clock, mint=mint),
        quotas=quotas,
        database=database,
    )


def data_plane(settings: Settings) -> DataPlane:
    """Whatever lies between this city's zones."""
    if settings.zone_plane == "namespaces":
        return NamespacePlane(f"cg{sha256(str(settings.data.resolve()).encode()).hexdigest()[:8]}")
    return SimulatedPlane(settings.data / "infra/zones.json")
