"""Everything of this room in one value, as it is put together once and handed to desks and jobs."""

from dataclasses import dataclass

from infra.machines import Machines
from infra.quotas import Quotas
from infra.zones import Zones
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """Zones, machines and quotas of one city."""

    zones: Zones
    machines: Machines
    quotas: Quotas
    database: Database  # for statements, which only read
