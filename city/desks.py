"""The desks put together: each is given what it works with, of one city."""

from flask import Flask

from authz.administer import Administration
from city.evidence import FactSources
from city.identifiers import mint
from city.jobs import jobs_of
from city.parts import City
from console.application import create_application
from console.audit import desk as audit
from console.backups import desk as backups
from console.catalogue import desk as catalogue
from console.home import desk as home
from console.issuer import api as issuer
from console.jobs import api as jobs
from console.keys import desk as keys
from console.machines import desk as machines
from console.people import desk as people
from console.requests import desk as requests
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.signin import desk as signin
from console.systems import desk as systems
from console.zones import desk as zones
from gateway.transform import Assertions


def open_desks(city: City, frame: Frame, assertions: Assertions) -> Flask:
    """The Flask application of this process."""
    desks = [
        *_callers(city, frame, assertions),
        *_infrastructure(city, frame),
        *_data(city, frame),
        *_proofs(city, frame),
    ]
    names = {noun: called for desk in desks for noun, called in desk.names.items()}
    waiting = requests.open_desk(
        frame,
        parking=city.deciding.parking,
        policies=city.deciding.policies,
        directory=city.people.directory,
        register=city.deciding.register,
        routes=city.routing.desks,
        names=names,
        clock=city.clock,
    )
    return create_application([*desks, waiting])


def _callers(city: City, frame: Frame, assertions: Assertions) -> list[Desk]:
    """Who signs in, who is here and what she may."""
    stores, callers, effective = city.stores, city.people, city.deciding.effective
    administration = Administration(
        stores.database, callers.directory, epochs=stores.epochs, clock=city.clock, mint=mint
    )
    return [
        signin.open_desk(
            frame,
            relying_party=callers.relying_party,
            sessions=callers.sessions,
            directory=callers.directory,
            parking=city.deciding.parking,
            effective=effective,
            forget=city.credentials.forget,
            jwks=assertions.jwks,
        ),
        home.open_desk(
            frame,
            sessions=callers.sessions,
            directory=callers.directory,
            register=city.deciding.register,
            policies=city.deciding.policies,
            portals=city.routing.portals,
            effective=effective,
        ),
        people.open_desk(
            frame,
            directory=callers.directory,
            administration=administration,
            effective=effective,
            clock=city.clock,
        ),
        Desk(api=(issuer.issuer(callers.issuer.drift, callers.issuer.apply), jobs.jobs(jobs_of(city)))),
    ]


def _infrastructure(city: City, frame: Frame) -> list[Desk]:
    """Zones and flows, machines and quotas."""
    directory, register, infra = city.people.directory, city.deciding.register, city.rooms.infra
    return [
        zones.open_desk(frame, infra, directory=directory, register=register, clock=city.clock),
        machines.open_desk(
            frame,
            infra,
            directory=directory,
            register=register,
            policies=city.deciding.policies,
            clock=city.clock,
            mint=mint,
        ),
    ]


def _data(city: City, frame: Frame) -> list[Desk]:
    """What is shared, and the keys that seal it."""
    directory, effective = city.people.directory, city.deciding.effective
    return [
        catalogue.open_desk(
            frame,
            city.rooms.catalogue,
            directory=directory,
            register=city.deciding.register,
            policies=city.deciding.policies,
            portals=city.routing.portals,
            effective=effective,
            clock=city.clock,
        ),
        keys.open_desk(
            frame,
            keyring=city.keys.keyring,
            service=city.keys.service,
            directory=directory,
            effective=effective,
            clock=city.clock,
        ),
    ]


def _proofs(city: City, frame: Frame) -> list[Desk]:
    """The log, backups that come back, and what holds of each grade."""
    directory, rooms = city.people.directory, city.rooms
    return [
        audit.open_desk(
            frame,
            log=city.records.log,
            directory=directory,
            routes=city.routing.desks,
            reconciled=city.records.reconcile,
        ),
        backups.open_desk(frame, rooms.backups, clock=city.clock),
        systems.open_desk(
            frame,
            grades=rooms.grades,
            assessments=rooms.assessments,
            answers=rooms.answers,
            facts=FactSources(city, clock=city.clock).facts,
            register=city.deciding.register,
            directory=directory,
            effective=city.deciding.effective,
            clock=city.clock,
        ),
    ]
