"""The desks put together: each with what it works with, of one city."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask

from authz.administer import Administration
from catalogue.room import over
from city.evidence import FactSources
from city.identifiers import mint
from console.application import create_application
from console.audit import desk as audit
from console.backups import desk as backups
from console.catalogue import desk as catalogue
from console.home import desk as home
from console.issuer import api as issuer
from console.jobs import api as jobs
from console.keys import desk as keys
from console.machines import desk as machines
from console.machines.api import infra_job
from console.people import desk as people
from console.requests import desk as requests
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.signin import desk as signin
from console.systems import desk as systems
from console.zones import desk as zones
from gateway.clock_job import BACKUP, INFRA, ISSUER_CHANGES, KEYS, SWEEP
from gateway.served import label_served
from gateway.transform import Assertions
from grading.assess import Assessments
from grading.control_answers import ControlAnswers
from grading.grades import Grades
from storage.act import Act

if TYPE_CHECKING:
    from city.parts import City

Clock = Callable[[], datetime]


def open_desks(city: "City", frame: Frame, assertions: Assertions, *, clock: Clock) -> Flask:
    """The Flask application of this process."""
    others = [*_of_the_door(city, frame, assertions, clock=clock), *_of_the_rooms(city, frame, clock=clock)]
    names = {noun: called for desk in others for noun, called in desk.names.items()}
    waiting = requests.open_desk(
        frame,
        parking=city.parking,
        policies=city.policies,
        directory=city.directory,
        register=city.register,
        routes=city.desks,
        names=names,
        clock=clock,
    )
    return create_application([*others, waiting])


def _of_the_door(city: "City", frame: Frame, assertions: Assertions, *, clock: Clock) -> list[Desk]:
    """Who signs in, who is here and what she may; and what the clock-job and the issuer's administration ask for."""
    stores, directory, effective = city.stores, city.directory, city.effective
    administration = Administration(stores.database, directory, epochs=stores.epochs, clock=clock, mint=mint)
    return [
        signin.open_desk(
            frame,
            relying_party=city.relying_party,
            sessions=city.sessions,
            directory=directory,
            parking=city.parking,
            effective=effective,
            forget=city.credentials.forget,
            jwks=assertions.jwks,
        ),
        home.open_desk(
            frame,
            sessions=city.sessions,
            directory=directory,
            register=city.register,
            policies=city.policies,
            portals=city.portals,
            effective=effective,
        ),
        people.open_desk(
            frame, directory=directory, administration=administration, effective=effective, seal=city.seal, clock=clock
        ),
        audit.open_desk(frame, log=city.log, directory=directory, reconciled=city.reconciled),
        Desk(api=(issuer.issuer(city.provisioner.drift, city.provisioner.apply), jobs.jobs(_jobs(city)))),
    ]


def _jobs(city: "City") -> dict[str, Callable[[Act], int]]:
    infra = infra_job(city.infra)
    return {
        SWEEP: city.sweep,
        ISSUER_CHANGES: city.issuer_changes,
        INFRA: lambda act: infra(act.record),
        KEYS: city.upkeep,
        BACKUP: city.backups.begin_due,
    }


def _of_the_rooms(city: "City", frame: Frame, *, clock: Clock) -> list[Desk]:
    stores, directory, register, effective, seal = (
        city.stores,
        city.directory,
        city.register,
        city.effective,
        city.seal,
    )
    label_of = partial(label_served, city.whole_table, lambda: city.policies().facts)
    shared = over(stores.database, stores.epochs, seal, label_of=label_of, clock=clock, mint=mint)
    answers = ControlAnswers(stores.database, mint=mint)
    return [
        zones.open_desk(frame, city.infra, directory=directory, register=register, clock=clock),
        machines.open_desk(
            frame,
            city.infra,
            directory=directory,
            register=register,
            policies=city.policies,
            clock=clock,
            mint=mint,
        ),
        catalogue.open_desk(
            frame,
            shared,
            directory=directory,
            register=register,
            policies=city.policies,
            portals=city.portals,
            effective=effective,
            seal=seal,
            clock=clock,
        ),
        systems.open_desk(
            frame,
            grades=Grades(stores.database, epochs=stores.epochs, mint=mint),
            assessments=Assessments(stores.database, mint=mint),
            answers=answers,
            facts=FactSources(city, shared.shares, answers, clock=clock).facts,
            register=register,
            directory=directory,
            effective=effective,
            seal=seal,
            clock=clock,
        ),
        backups.open_desk(frame, city.backups, clock=clock),
        keys.open_desk(
            frame,
            keyring=city.city_keys.keyring,
            service=city.city_keys.service,
            directory=directory,
            effective=effective,
            seal=seal,
            clock=clock,
        ),
    ]
