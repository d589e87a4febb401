"""`/api/v1/catalogue` and the apps and resources of a department, for commands and programs."""

from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from audit.city_time import CITY_TIME
from audit.event import timestamp
from catalogue.app_key import App
from catalogue.described import plain, wrong_with, wrong_with_name, wrong_with_place
from catalogue.errors import NotServed
from catalogue.resource import PAGE, QUERY_CHARS, Resource
from catalogue.share import Share
from catalogue.store import DESCRIBED
from console.catalogue.acts import Sharing, wrong_with_ask
from console.shell.act import check_csrf
from console.shell.paging import PageQuery
from console.shell.problem import problem
from console.shell.receipts import receipt_json

_DEPARTMENT = "/api/v1/departments/<department>"
_TEXT = validate.Length(max=2000)
_ID = validate.Length(min=1, max=63)
Described: type[Schema] = Schema.from_dict(
    {name: fields.String(required=True, validate=_TEXT) for name in DESCRIBED}, name="Described"
)


class Published(Described):  # type: ignore[valid-type,misc]  # made from the list of fields
    """A resource to be published: its description, and where its open API is."""

    system = fields.String(required=True, validate=_ID)
    path = fields.String(required=True, validate=_TEXT)


class NewApp(Schema):
    """An app to be made."""

    name = fields.String(required=True, validate=_TEXT)


class Asked(Schema):
    """A share that is asked for."""

    app = fields.String(required=True, validate=_ID)
    purpose = fields.String(required=True, validate=_TEXT)
    until = fields.AwareDateTime(required=True)


class CatalogueQuery(PageQuery):
    """A search of the catalogue."""

    q = fields.String(load_default="", validate=validate.Length(max=QUERY_CHARS))


def resources(sharing: Sharing) -> Blueprint:
    """The catalogue, for everybody who works for the city."""
    routes = Blueprint("catalogue-api", __name__, url_prefix="/api/v1/catalogue")

    @routes.route("")
    class Catalogue(MethodView):
        @routes.arguments(CatalogueQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> dict[str, Any]:
            """One page, newest first."""
            found = sharing.room.resources.search(query["q"], before=query["cursor"])
            more = found[-1].resource if len(found) == PAGE else None
            return {"items": [_resource(one) for one in found], "next_cursor": more}

    @routes.route("/<resource>")
    class OneResource(MethodView):
        def get(self, resource: str) -> dict[str, Any]:
            """All its fields, and who may use it now."""
            found = _resource(sharing.room.resources.find(resource))
            return found | {"shares": [_share(one) for one in sharing.room.shares.of_resource(resource)]}

    return routes


def published(sharing: Sharing) -> Blueprint:
    """A department's own resources."""
    routes = Blueprint("resources-api", __name__, url_prefix=f"{_DEPARTMENT}/resources")

    @routes.route("")
    class Resources(MethodView):
        @routes.arguments(Published)
        def post(self, body: dict[str, str], department: str) -> Response | tuple[dict[str, Any], int]:
            """Publish; answers when it is effective at every gateway."""
            check_csrf()
            told = plain(body, (*DESCRIBED, "system", "path"))
            errors = [*_wrong(sharing, told), *wrong_with_place(told["system"], told["path"])]
            if errors:
                return problem(422, "request-invalid", errors)
            try:
                made, receipt = sharing.publish(told, department=department, system=told["system"], path=told["path"])
            except NotServed as wrong:
                return problem(422, wrong.code, [{"field": "path", "code": wrong.code}])
            return _resource(made) | {"receipt": receipt_json(receipt)}, 201

    @routes.route("/<resource>/versions")
    class Versions(MethodView):
        @routes.arguments(Described)
        def post(self, body: dict[str, str], department: str, resource: str) -> Response | tuple[dict[str, Any], int]:
            """Publish the next version."""
            check_csrf()
            if errors := _wrong(sharing, told := plain(body, DESCRIBED)):
                return problem(422, "request-invalid", errors)
            return _resource(sharing.renew(resource, told, department=department)), 201

    @routes.route("/<resource>")
    class OneResource(MethodView):
        def delete(self, department: str, resource: str) -> dict[str, Any]:
            """Withdraw; answers when nobody reads it any more."""
            check_csrf()
            over, receipt = sharing.withdraw(resource, department=department)
            return _resource(over) | {"receipt": receipt_json(receipt)}

    return routes


def shares(sharing: Sharing) -> Blueprint:
    """What is shared with whom; to ask for a share needs the owner's approval."""
    routes = Blueprint("shares-api", __name__, url_prefix=_DEPARTMENT)

    @routes.route("/resources/<resource>/shares")
    class Shares(MethodView):
        @routes.arguments(Asked)
        def post(self, body: dict[str, Any], department: str, resource: str) -> Response | tuple[dict[str, Any], int]:
            """Let an app of the asker's department use it; answers when it is effective at every gateway."""
            check_csrf()
            asked = plain(body, ("app", "purpose"))
            until: datetime = body["until"]
            if errors := wrong_with_ask(purpose=asked["purpose"], until=until, now=sharing.clock()):
                return problem(422, "request-invalid", errors)
            made, receipt = sharing.give(resource, department=department, until=until, **asked)
            return _share(made) | {"receipt": receipt_json(receipt)}, 201

    @routes.route("/resources/<resource>/shares/<share>")
    class OfOwner(MethodView):
        def delete(self, department: str, resource: str, share: str) -> dict[str, Any]:
            """End it, as the owner."""
            check_csrf()
            over, receipt = sharing.end(share, owner=department, of=resource)
            return _share(over) | {"receipt": receipt_json(receipt)}

    @routes.route("/apps/<app>/shares/<share>")
    class OfUser(MethodView):
        def delete(self, department: str, app: str, share: str) -> dict[str, Any]:
            """End it, as who uses it."""
            check_csrf()
            over, receipt = sharing.end(share, user=department, of=app)
            return _share(over) | {"receipt": receipt_json(receipt)}

    return routes


def apps(sharing: Sharing) -> Blueprint:
    """A department's apps."""
    routes = Blueprint("apps-api", __name__, url_prefix=f"{_DEPARTMENT}/apps")

    @routes.route("")
    class Apps(MethodView):
        def get(self, department: str) -> dict[str, Any]:
            """All of them, as many as a department may have, and what they may use now."""
            used = sharing.room.shares.of_department(department)
            return {
                "items": [_app(one) for one in sharing.room.apps.of([department])],
                "shares": [_share(one) for one in used],
            }

        @routes.arguments(NewApp)
        def post(self, body: dict[str, str], department: str) -> Response | tuple[dict[str, Any], int]:
            """Make one; this answer alone tells its secret."""
            check_csrf()
            name = plain(body, ("name",))["name"]
            if errors := list(wrong_with_name(name)):
                return problem(422, "request-invalid", errors)
            made, secret = sharing.create_app(name, department=department)
            return _app(made) | {"secret": secret}, 201

    @routes.route("/<app>")
    class OneApp(MethodView):
        def delete(self, department: str, app: str) -> dict[str, Any]:
            """End it; answers when no gateway takes its key."""
            check_csrf()
            over, receipt = sharing.end_app(app, department=department)
            return _app(over) | {"receipt": receipt_json(receipt)}

    return routes


def _wrong(sharing: Sharing, told: dict[str, str]) -> list[dict[str, str]]:
    return list(wrong_with(told, today=sharing.clock().astimezone(CITY_TIME).date()))


def _resource(one: Resource) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(one, name) for name in (*DESCRIBED, "department", "system", "path", "label")}
    moment = timestamp(one.published_at)
    return {"id": one.resource, **told, "published_by": one.published_by, "published_at": moment, "record": one.record}


def _app(one: App) -> dict[str, Any]:
    times = {"created_at": timestamp(one.created_at), "expires_at": timestamp(one.expires_at)}
    return {"id": one.id, "name": one.name, "department": one.department, **times, "record": one.record}


def _share(one: Share) -> dict[str, Any]:
    names = ("id", "resource", "resource_name", "department", "app", "app_name", "app_department", "clearance")
    told = {name: getattr(one, name) for name in (*names, "purpose", "asked_by", "approved_by", "record")}
    return told | {"until": timestamp(one.until), "at": timestamp(one.at)}
