"""The routes of the console's host: every desk's, and where second persons approve."""

from functools import partial

from authz.label import Label
from console.audit import routes as audit
from console.backups import routes as backups
from console.catalogue import routes as catalogue
from console.home import routes as home
from console.issuer import routes as issuer
from console.jobs import routes as jobs
from console.keys import routes as keys
from console.machines import routes as machines
from console.people import routes as people
from console.requests import routes as requests
from console.shell.desk_route import DeskRoute, desk_route
from console.signin import routes as signin
from console.systems import routes as systems
from console.zones import routes as zones
from gateway.approval import with_approving_routes
from gateway.routes import Route
from storage.actions import Action

_DESKS = (home, people, audit, issuer, jobs, signin, requests, zones, machines, catalogue, systems, keys, backups)


def console_routes(host: str) -> list[Route]:
    """Every path of the console on `host`."""
    route = partial(desk_route, host)
    return with_approving_routes(one for part in (_documents, *(desk.routes for desk in _DESKS)) for one in part(route))


def _documents(route: DeskRoute) -> list[Route]:
    return [route("/api/v1/openapi.json", Label.L1, public=True, GET=Action.READ)]
