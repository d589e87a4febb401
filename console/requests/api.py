"""`/api/v1/requests`: what waits for a second person, for commands and programs."""

from typing import Any

from flask.views import MethodView
from marshmallow import RAISE, Schema, fields, validate

from console.requests.answers import request_json
from console.requests.request_list import RequestList
from console.shell.act import reader
from console.shell.views import ApiViews


class RequestQuery(Schema):
    """Which list, and where it goes on."""

    of = fields.String(load_default="waiting", validate=validate.OneOf(["waiting", "asked", "decided"]))
    cursor = fields.String(load_default="", validate=validate.Length(max=26))


def requests(lists: RequestList) -> ApiViews:
    """What waits for me, what I asked for, what I decided."""
    routes = ApiViews("requests-api", __name__, url_prefix="/api/v1/requests")

    @routes.route("")
    class Requests(MethodView):
        @routes.arguments(RequestQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> dict[str, Any]:
            """One page."""
            identity, cursor = reader(), query["cursor"]
            page = {
                "waiting": lambda: lists.list_waiting(identity, after=cursor),
                "asked": lambda: lists.list_asked_by(identity, before=cursor),
                "decided": lambda: lists.list_decided_by(identity, before=cursor),
            }[query["of"]]()
            items = [request_json(request, identity) for request in page.requests]
            return {"items": items, "next_cursor": page.cursor or None, "stronger": page.stronger}

    @routes.route("/{request}")
    class OneRequest(MethodView):
        def get(self, request: str) -> dict[str, Any]:
            """One that I asked for, decided, or may approve."""
            identity = reader()
            return request_json(lists.find(request, identity), identity)

    return routes
