"""The Flask application behind `local`: every desk and the API, guarded against any call the door did not record."""

from collections.abc import Iterable
from pathlib import Path

from flask import Flask

from authz.second_person import SecondPerson
from console import api
from console.audit import pages as audit
from console.desks import Opened, Room
from console.home import pages as citizen
from console.parts import Parts
from console.people import pages as department
from console.requests import api as requests_api
from console.requests import pages as requests
from console.requests.names import Places, of_register
from console.requests.request_list import RequestList
from console.shell.problem import Rest, private
from console.shell.receipts import Told
from console.signin.pages import SignIn
from gateway.local import guard


def create_application(parts: Parts, rooms: Iterable[Opened] = ()) -> Flask:
    """Put the desks together."""
    application = Flask("console", static_folder=None, root_path=str(Path(__file__).parent))
    application.config.update(
        PROPAGATE_EXCEPTIONS=True,  # the pipeline answers them, by its one table
        API_TITLE="citygate",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    guard(application)
    second_person = SecondPerson(parts.parking)
    listed = RequestList(second_person, policies=parts.policies, clock=parts.clock)
    opened = [room(parts) for room in rooms]
    for views in (
        _sign_in(parts),
        _home(parts),
        _department(parts),
        audit.Desk(parts.frame, parts.log, parts.directory, parts.reconciled),
        _requests(parts, second_person, listed, opened),
    ):
        application.register_blueprint(views.blueprint())
    application.after_request(private)
    rest = Rest(application)
    rest.register_blueprint(api.people(parts.directory))
    rest.register_blueprint(api.assignments(parts.directory, parts.administration, parts.effective, parts.clock))
    rest.register_blueprint(api.audit(parts.log, parts.directory, parts.reconciled))
    rest.register_blueprint(api.sessions(parts.sessions, parts.directory, parts.effective))
    rest.register_blueprint(api.issuer(parts.drift, parts.apply))
    rest.register_blueprint(api.jobs(parts.jobs))
    rest.register_blueprint(requests_api.requests(listed))
    for room in opened:
        for page in room.pages:
            application.register_blueprint(page)
        for routes in room.api:
            rest.register_blueprint(routes)
    return application


def _sign_in(parts: Parts) -> SignIn:
    return SignIn(
        parts.frame,
        relying_party=parts.relying_party,
        sessions=parts.sessions,
        directory=parts.directory,
        parking=parts.parking,
        effective=parts.effective,
        forget=parts.forget,
        jwks=parts.jwks,
    )


def _requests(parts: Parts, second_person: SecondPerson, listed: RequestList, opened: Iterable[Room]) -> requests.Desk:
    known = dict(of_register(parts.directory, parts.register))
    for room in opened:
        known |= room.named
    return requests.Desk(
        parts.frame,
        second_person=second_person,
        requests=listed,
        directory=parts.directory,
        routes=parts.routes,
        places=Places(known),
    )


def _home(parts: Parts) -> citizen.Home:
    return citizen.Home(
        parts.frame,
        sessions=parts.sessions,
        directory=parts.directory,
        register=parts.register,
        policies=parts.policies,
        portals=parts.portals,
        effective=parts.effective,
    )


def _department(parts: Parts) -> department.Desk:
    return department.Desk(
        parts.frame,
        directory=parts.directory,
        administration=parts.administration,
        effective=parts.effective,
        told=Told(parts.seal),
        clock=parts.clock,
    )
