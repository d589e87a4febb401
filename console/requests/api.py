"""`/api/v1/requests`: what waits for a second person, for commands and programs."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from audit.event import timestamp
from authz.park import Parked
from console.requests.request_list import RequestList, told
from gateway.local import exchange
from idp.identity import Identity


class RequestQuery(Schema):
    """Which list, and where it goes on."""

    of = fields.String(load_default="waiting", validate=validate.OneOf(["waiting", "asked", "decided"]))
    cursor = fields.String(load_default="", validate=validate.Length(max=26))


def requests(listed: RequestList) -> Blueprint:
    """What waits for me, what I asked for, what I decided."""
    routes = Blueprint("requests-api", __name__, url_prefix="/api/v1/requests")

    @routes.route("")
    class Requests(MethodView):
        @routes.arguments(RequestQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> dict[str, Any]:
            """One page."""
            reader, cursor = exchange().recorded.identity, query["cursor"]
            page = {
                "waiting": lambda: listed.waiting(reader, after=cursor),
                "asked": lambda: listed.asked(reader, before=cursor),
                "decided": lambda: listed.decided(reader, before=cursor),
            }[query["of"]]()
            items = [item(one, reader) for one in page.found]
            return {"items": items, "next_cursor": page.cursor or None, "stronger": page.stronger}

    @routes.route("/<request>")
    class OneRequest(MethodView):
        def get(self, request: str) -> dict[str, Any]:
            """One that I asked for, decided, or may approve."""
            reader = exchange().recorded.identity
            return item(listed.one(request, reader), reader)

    return routes


def item(found: Parked, reader: Identity) -> dict[str, Any]:
    """A request as JSON: ids instead of names."""
    one = told(found, reader, {})
    moments = {name: timestamp(one[name]) if one[name] else None for name in ("at", "until", "decided_at", "sent_at")}
    fields_told = [{"name": name, "value": value} for name, value in one["fields"]]
    people = {"subject": one.pop("who")["id"], "decided_by": one["decided_by"]["id"]}
    return one | moments | people | {"fields": fields_told}
