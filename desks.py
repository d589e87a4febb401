"""Wiring of the desks: what the Flask application behind `local` works with, room by room."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from flask import Flask

from assessing import Sources
from authz.administer import Administration
from backup.plan import plan_for
from backup.work import DRILL
from catalogue.room import Catalogue, over
from console.application import create_application
from console.frame import Frame
from console.machines_api import infra_job
from console.parts import Parts
from console.rooms import of_backups, of_catalogue, of_grading, of_infra, of_keys
from gateway.clock_job import BACKUP, INFRA, ISSUER_CHANGES, KEYS, SWEEP
from gateway.served import label_served
from gateway.transform import Assertions
from grading.assess import Assessments
from grading.classify import Grade
from grading.evidence import Border, Drilled, Placed, Share
from grading.grades import Grades
from identifiers import mint

if TYPE_CHECKING:
    from wiring import City

Clock = Callable[[], datetime]
T = TypeVar("T")


def open_desks(city: "City", frame: Frame, assertions: Assertions, *, clock: Clock) -> Flask:
    """The Flask application of this process."""
    stores = city.stores
    label_of = partial(label_served, city.whole_table, lambda: city.policies().facts)
    catalogue = over(stores.database, stores.epochs, city.seal, label_of=label_of, clock=clock, mint=mint)
    grades = Grades(stores.database, epochs=stores.epochs, clock=clock, mint=mint)
    rooms = (
        of_infra(city.infra),
        of_catalogue(catalogue),
        of_grading(grades, Assessments(stores.database, mint=mint), sources(city, catalogue, clock=clock).facts),
        of_backups(city.backups),
        of_keys(city.city_keys.keyring, city.city_keys.service),
    )
    return create_application(_parts(city, frame, assertions, clock=clock), rooms)


def _parts(city: "City", frame: Frame, assertions: Assertions, *, clock: Clock) -> Parts:
    stores = city.stores
    return Parts(
        frame=frame,
        relying_party=city.relying_party,
        sessions=city.sessions,
        directory=city.directory,
        register=city.register,
        administration=Administration(stores.database, city.directory, epochs=stores.epochs, clock=clock, mint=mint),
        parking=city.parking,
        routes=city.desks,
        log=city.log,
        reconciled=city.reconciled,
        seal=city.seal,
        policies=city.policies,
        portals=city.portals,
        effective=city.effective,
        forget=city.credentials.forget,
        jwks=assertions.jwks,
        drift=city.provisioner.drift,
        apply=city.provisioner.apply,
        jobs={
            SWEEP: city.sweep,
            ISSUER_CHANGES: city.issuer_changes,
            INFRA: infra_job(city.infra),
            KEYS: city.upkeep,
            BACKUP: city.backups.begin_due,
        },
        clock=clock,
        mint=mint,
    )


def _paged(page: Callable[..., Sequence[T]], key: Callable[[T], str]) -> Iterator[T]:
    """Every row of a list that is told page by page."""
    after = ""
    while rows := page(after=after):
        yield from rows
        after = key(rows[-1])


class _Looked:
    """What the rooms below know of a system, in the words of an assessment."""

    def __init__(self, city: "City", catalogue: Catalogue) -> None:
        self._city, self._catalogue = city, catalogue

    def issuer_drift(self) -> list[str] | None:
        """None: the local issuer has no settings of its own."""
        if self._city.settings.profile == "embedded":
            return None
        return [f"{one.what} {one.path}".strip() for one in self._city.provisioner.drift()]

    def contradictions(self) -> list[str]:
        """Rows that are not what their records say."""
        return [f"{one.kind}: {one.table} {one.id}" for one in self._city.reconciled().found]

    def border(self) -> Border | None:
        """None: there are no zones."""
        zones = self._city.infra.zones
        if not zones.all():
            return None
        return Border(
            drift=[f"{one.where}: {one.found or '–'} / {one.wanted or '–'}" for one in zones.drift()],
            unbounded=[str(row["id"]) for row in _paged(zones.flows, lambda row: str(row["id"])) if not row["owner"]],
        )

    def drilled(self, _system: str, grade: Grade) -> Drilled | None:
        """The platform's last drill: a drill restores everything; how long it counts is the grade's to say."""
        last = self._city.backups.book.newest(DRILL, "passed", "failed")
        if last is None or last.finished_at is None:
            return None
        valid_for = plan_for(grade.grade).drill_every
        return Drilled(at=last.finished_at, passed=last.state == "passed", record=last.record, valid_for=valid_for)

    def machines(self, system: str) -> list[Placed]:
        """The system's, wherever they are."""
        ceilings: Mapping[str, int] = self._city.policies().facts.zones
        return [
            Placed(machine=one.id, zone=one.zone, ceiling=int(ceilings.get(one.zone, 0)))
            for one in _paged(lambda *, after: self._city.infra.machines.living(after=after), lambda one: one.id)
            if one.system == system
        ]

    def shares(self, system: str) -> list[Share]:
        """The system's data, as it is shared now."""
        return [Share(id=one, purpose=why, until=until) for one, why, until in self._catalogue.shares.terms(system)]


def sources(city: "City", catalogue: Catalogue, *, clock: Clock) -> Sources:
    """What a self-assessment may look at."""
    looked = _Looked(city, catalogue)

    return Sources(
        register=city.register,
        routes=city.whole_table,
        desks=city.desks,
        policies=city.policies,
        database=city.stores.database,
        log=city.log,
        keys=city.settings.data / "keys",
        origin=city.console,
        clock=clock,
        second_factors=city.provisioner.with_second_factor,
        issuer_drift=looked.issuer_drift,
        contradictions=looked.contradictions,
        drilled=looked.drilled,
        border=looked.border,
        machines=looked.machines,
        shares=looked.shares,
    )
