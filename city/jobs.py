"""What the clock-job asks for, by name; each takes the act that asks for it and says how much it did."""

from collections.abc import Callable
from functools import partial

from city.parts import City
from console.machines.acts import settle_infrastructure
from gateway.clock_job import BACKUP, INFRA, ISSUER_CHANGES, KEYS, SWEEP
from storage.act import Act


def jobs_of(city: City) -> dict[str, Callable[[Act], int]]:
    """The jobs of this city by their names."""

    def sweep(_act: Act) -> int:
        return city.people.sessions.sweep() + city.deciding.parking.sweep()

    def follow_issuer(act: Act) -> int:
        ended = city.people.end_sessions_of_changed(act)
        if ended:
            city.stores.hints.tell()
        return ended

    return {
        SWEEP: sweep,
        ISSUER_CHANGES: follow_issuer,
        INFRA: partial(settle_infrastructure, city.rooms.infra),
        KEYS: city.keys.upkeep(city.deciding.effective),
        BACKUP: city.rooms.backups.begin_due,
    }
