"""The Flask application behind `local`: every desk and the API, guarded against any call the door did not record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Flask

from audit.log import Log
from authz.administer import Administration
from authz.lease import Receipt
from authz.park import Parking
from authz.policy import PolicySet
from authz.register import Register
from console import api, audit, citizen, department
from console.frame import Frame
from console.problem import Rest, private
from console.signin import SignIn
from crypto.aead import Seal
from gateway.local import guard
from gateway.routes import Route
from idp.directory import Directory
from idp.keycloak.drift import Drift
from idp.relying_party import RelyingParty
from idp.session import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the desks work with. `effective(epoch)` waits until every gateway decides by it."""

    frame: Frame
    relying_party: RelyingParty
    sessions: Sessions
    directory: Directory
    register: Register
    administration: Administration
    parking: Parking
    log: Log
    seal: Seal
    policies: Callable[[], PolicySet]
    portals: Mapping[str, Route]
    effective: Callable[[int], Receipt]
    forget: Callable[[str], None]  # a cookie that was replaced
    jwks: Callable[[], dict[str, list[dict[str, str]]]]
    drift: Callable[[], Sequence[Drift]]
    apply: Callable[[], Sequence[Drift]]
    jobs: Mapping[str, Callable[[str], int]]
    clock: Callable[[], datetime]


def create_application(parts: Parts) -> Flask:
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
    for views in (
        _sign_in(parts),
        _home(parts),
        _department(parts),
        audit.Desk(parts.frame, parts.log, parts.directory),
    ):
        application.register_blueprint(views.blueprint())
    application.after_request(private)
    rest = Rest(application)
    rest.register_blueprint(api.people(parts.directory))
    rest.register_blueprint(api.assignments(parts.directory, parts.administration, parts.effective, parts.clock))
    rest.register_blueprint(api.audit(parts.log, parts.directory))
    rest.register_blueprint(api.sessions(parts.sessions, parts.directory, parts.effective))
    rest.register_blueprint(api.issuer(parts.drift, parts.apply))
    rest.register_blueprint(api.jobs(parts.jobs))
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
        seal=parts.seal,
        clock=parts.clock,
    )
