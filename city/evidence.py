"""What a self-assessment may look at: the city's parts, in the words of the probes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import TypeVar

from backup.plan import plan_for
from backup.work import DRILL
from city.keys import sealed_places
from city.parts import City
from grading.classify import Grade
from grading.errors import SystemUnknown, Ungraded
from grading.evidence import Border, LastDrill, PlacedMachine, ProbeFacts, SharedData

T = TypeVar("T")


class FactSources:
    """Where the facts of any system come from."""

    def __init__(self, city: City, *, clock: Callable[[], datetime]) -> None:
        self._city, self._clock = city, clock

    def facts(self, system: str, record: str) -> ProbeFacts:
        """Of one system, now. Raises SystemUnknown, Ungraded."""
        city = self._city
        one = city.deciding.register.systems().get(system)
        if one is None:
            raise SystemUnknown(system)
        if one.s is None or one.a is None:
            raise Ungraded(system)
        grade = Grade(s=one.s, a=one.a)
        return ProbeFacts(
            system=system,
            department=one.department,
            grade=grade,
            label=int(one.label),
            routes=[route for route in city.routing.everywhere if route.system == system],
            desks=city.routing.desks,
            policies=city.deciding.policies(),
            database=city.stores.database,
            log=city.records.log,
            keys=[
                (city.settings.data / "keys", "**/*"),
                (city.settings.data / "issuer", "*.key"),
                (city.settings.backup("keys"), "**/*"),
            ],
            seal=city.keys.seal,
            sealed=sealed_places(city.stores),
            origin=city.settings.origin("console"),
            now=self._clock(),
            record=record,
            second_factors=city.people.issuer.with_second_factor,
            issuer_drift=self._issuer_drift,
            contradictions=cache(self._contradictions),
            last_drill=partial(self._last_drill, grade),
            border=self._border,
            machines=partial(self._machines, system),
            shares=partial(self._shared, system),
            last_answer=partial(city.rooms.answers.last_answer, system),
        )

    def _issuer_drift(self) -> list[str] | None:
        """None: the local issuer has no settings of its own."""
        if self._city.settings.profile == "embedded":
            return None
        return [f"{one.what} {one.path}".strip() for one in self._city.people.issuer.drift()]

    def _contradictions(self) -> list[str]:
        """Rows that are not what their records say."""
        return [f"{one.kind}: {one.table} {one.id}" for one in self._city.records.reconcile().found]

    def _border(self) -> Border | None:
        """None: there are no zones."""
        zones = self._city.rooms.infra.zones
        if not zones.list_zones():
            return None
        return Border(
            drift=[f"{one.where}: {one.found or '–'} / {one.wanted or '–'}" for one in zones.drift()],
            unbounded=[str(row["id"]) for row in _paged(zones.flows, lambda row: str(row["id"])) if not row["owner"]],
        )

    def _last_drill(self, grade: Grade) -> LastDrill | None:
        """The platform's last drill: a drill restores everything; how long it counts is the grade's to say."""
        last = self._city.rooms.backups.book.newest(DRILL, "passed", "failed")
        if last is None or last.finished_at is None:
            return None
        valid_for = plan_for(grade.grade).drill_every
        return LastDrill(at=last.finished_at, passed=last.state == "passed", record=last.record, valid_for=valid_for)

    def _machines(self, system: str) -> list[PlacedMachine]:
        """The system's, wherever they are."""
        ceilings: Mapping[str, int] = self._city.deciding.policies().facts.zones
        return [
            PlacedMachine(machine=one.id, zone=one.zone, ceiling=int(ceilings.get(one.zone, 0)))
            for one in _paged(
                lambda *, after: self._city.rooms.infra.machines.list_existing(after=after), lambda one: one.id
            )
            if one.system == system
        ]

    def _shared(self, system: str) -> list[SharedData]:
        """The system's data, as it is shared now."""
        return [
            SharedData(id=one, purpose=why, until=until)
            for one, why, until in self._city.rooms.catalogue.shares.terms(system)
        ]


def _paged(page: Callable[..., Sequence[T]], key: Callable[[T], str]) -> Iterator[T]:
    """Every row of a list that is told page by page."""
    after = ""
    while rows := page(after=after):
        yield from rows
        after = key(rows[-1])
