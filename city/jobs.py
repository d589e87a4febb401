"""What the clock-job asks for, by name; each is told under which record and says how much it did."""

from collections.abc import Callable

from city.parts import City
from console.machines.api import infra_job
from gateway.clock_job import BACKUP, INFRA, ISSUER_CHANGES, KEYS, SWEEP


def jobs_of(city: City) -> dict[str, Callable[[str], int]]:
    """The jobs of this city by their names."""

    def sweep(_record: str) -> int:
        return city.people.sessions.sweep() + city.deciding.parking.sweep()

    def follow_issuer(record: str) -> int:
        ended = city.people.end_sessions_of_changed(record)
        if ended:
            city.stores.hints.tell()
        return ended

    return {
        SWEEP: sweep,
        ISSUER_CHANGES: follow_issuer,
        INFRA: infra_job(city.rooms.infra),
        KEYS: city.keys.upkeep(city.deciding.effective),
        BACKUP: city.rooms.backups.begin_due,
    }
