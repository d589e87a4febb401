"""Wiring of the desks: what the Flask application behind `local` works with, room by room."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask

from authz.administer import Administration
from catalogue.room import over
from city.evidence import Sources
from city.identifiers import mint
from console.application import create_application
from console.desks import of_backups, of_catalogue, of_grading, of_infra, of_keys
from console.machines.api import infra_job
from console.parts import Parts
from console.shell.frame import Frame
from gateway.clock_job import BACKUP, INFRA, ISSUER_CHANGES, KEYS, SWEEP
from gateway.served import label_served
from gateway.transform import Assertions
from grading.assess import Assessments
from grading.control_answers import ControlAnswers
from grading.grades import Grades

if TYPE_CHECKING:
    from city.parts import City

Clock = Callable[[], datetime]


def open_desks(city: "City", frame: Frame, assertions: Assertions, *, clock: Clock) -> Flask:
    """The Flask application of this process."""
    stores = city.stores
    label_of = partial(label_served, city.whole_table, lambda: city.policies().facts)
    catalogue = over(stores.database, stores.epochs, city.seal, label_of=label_of, clock=clock, mint=mint)
    grades = Grades(stores.database, epochs=stores.epochs, clock=clock, mint=mint)
    answers = ControlAnswers(stores.database, clock=clock, mint=mint)
    facts = Sources(city, catalogue.shares, answers, clock=clock).facts
    rooms = (
        of_infra(city.infra),
        of_catalogue(catalogue),
        of_grading(grades, Assessments(stores.database, mint=mint), answers, facts),
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
