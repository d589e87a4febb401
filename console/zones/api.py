"""`/api/v1` of zones and flows: list, open, close, test, and what is in force that should not be."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import RAISE, Schema, fields, validate

from audit.event import timestamp
from console.shell.act import current_act
from console.shell.paging import PageQuery
from console.shell.problem import refuse_with
from console.shell.views import ApiViews
from console.zones.acts import apply_rules, close_flow, open_flow
from console.zones.answers import test_answer
from console.zones.forms import read_way, wrong_with_flow_terms
from idp.directory import Directory
from infra.zone import Flow
from infra.zones import PAGE, FlowTerms, Zones


class FlowBody(Schema):
    """Who answers for a flow, until when, and why."""

    owner = fields.String(required=True, validate=validate.Length(min=1, max=63))
    expires_at = fields.AwareDateTime(required=True)
    reason = fields.String(required=True)


class WayQuery(Schema):
    """Where to, and to which port."""

    to = fields.String(required=True)
    protocol = fields.String(load_default="tcp")
    port = fields.String(required=True)


def zones(zones: Zones) -> ApiViews:
    """Every zone, and whether what is in force is what was compiled."""
    routes = ApiViews("zones-api", __name__, url_prefix="/api/v1/zones")

    @routes.route("")
    class ZoneList(MethodView):
        def get(self) -> dict[str, Any]:
            """Every zone."""
            return {"items": [asdict(zone) for zone in zones.list_zones()], "plane": zones.plane.name}

    @routes.route("/drift")
    class RuleDrift(MethodView):
        def get(self) -> dict[str, Any]:
            """What is in force and was not compiled, or the other way round."""
            return {"items": [asdict(deviation) for deviation in zones.drift()], "plane": zones.plane.name}

    @routes.route("/apply")
    class RuleApplication(MethodView):
        def post(self) -> dict[str, Any]:
            """Bring into force what the rows say; what was other before."""
            replaced = apply_rules(zones, current_act())
            return {"items": [asdict(deviation) for deviation in replaced], "plane": zones.plane.name}

    return routes


def flows(zones: Zones) -> ApiViews:
    """What is open between zones, and what passes; all else is closed."""
    routes = ApiViews("flows-api", __name__, url_prefix="/api/v1")

    @routes.route("/flows")
    class FlowList(MethodView):
        @routes.arguments(PageQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> dict[str, Any]:
            """One page of the flows that are open now."""
            page = zones.flows(after=query["cursor"])
            items = [{name: _json(value) for name, value in row.items() if value is not None} for row in page]
            return {"items": items, "next_cursor": page[-1]["id"] if len(page) == PAGE else None}

    @routes.route("/zones/{zone}/flows/test")
    class WayTest(MethodView):
        @routes.arguments(WayQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], zone: str) -> Response | dict[str, Any]:
            """The data plane's own answer, and the flow that allows it."""
            way, errors = read_way(zone, query["to"], query["protocol"], query["port"])
            if way is None:
                return refuse_with("request-invalid", errors)
            answer = test_answer(zones.test(way)) | way._asdict() | {"plane": zones.plane.name}
            allowed = answer["flow"]
            return answer | {"flow": allowed and {name: _json(value) for name, value in allowed.items()}}

    return routes


def one_flow(zones: Zones, directory: Directory) -> ApiViews:
    """Open a flow, and close it."""
    routes = ApiViews("flow-api", __name__, url_prefix="/api/v1/zones/{zone}/flows/{to}/{protocol}/{port}")

    @routes.route("")
    class FlowOfWay(MethodView):
        @routes.arguments(FlowBody)
        def post(
            self, body: dict[str, Any], zone: str, to: str, protocol: str, port: str
        ) -> Response | tuple[dict[str, Any], int]:
            """Open it; answers when it is in force."""
            act = current_act()
            way, errors = read_way(zone, to, protocol, port)
            errors += wrong_with_flow_terms(
                owner=body["owner"], reason=body["reason"], until=body["expires_at"],
                departments=directory.departments(), now=act.at,
            )  # fmt: skip
            if errors or way is None:
                return refuse_with("request-invalid", errors)
            terms = FlowTerms(owner=body["owner"], reason=body["reason"], expires_at=body["expires_at"])
            return _flow_json(open_flow(zones, act, way, terms)), 201

        def delete(self, zone: str, to: str, protocol: str, port: str) -> Response | dict[str, Any]:
            """Close it, with whatever runs over it."""
            act = current_act()
            way, errors = read_way(zone, to, protocol, port)
            if way is None:
                return refuse_with("request-invalid", errors)
            return _flow_json(close_flow(zones, act, way))

    return routes


def _flow_json(flow: Flow) -> dict[str, Any]:
    return {name: _json(getattr(flow, name)) for name in Flow.__dataclass_fields__}


def _json(value: Any) -> Any:
    return timestamp(value) if isinstance(value, datetime) else value
