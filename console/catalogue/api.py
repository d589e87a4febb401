"""`/api/v1/catalogue` and the resources of a department, for commands and programs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import RAISE, Schema, fields, validate

from catalogue.description import DESCRIBED, clean_texts, wrong_with_place
from catalogue.errors import NotServed
from catalogue.resource import PAGE, QUERY_CHARS, Resources
from catalogue.share import ShareRequest, Shares
from console.catalogue.acts import (
    Effective,
    end_share_as_owner,
    give_share,
    publish_resource,
    renew_resource,
    withdraw_resource,
)
from console.catalogue.answers import resource_json, share_json
from console.catalogue.forms import wrong_with_share_request, wrong_with_version
from console.shell.act import current_act
from console.shell.paging import PageQuery
from console.shell.problem import refuse_with
from console.shell.receipts import receipt_json
from console.shell.views import ApiViews

_OWN = "/api/v1/departments/{department}/resources"
_TEXT = validate.Length(max=2000)
_ID = validate.Length(min=1, max=63)
DescriptionBody: type[Schema] = Schema.from_dict(
    {name: fields.String(required=True, validate=_TEXT) for name in DESCRIBED}, name="DescriptionBody"
)


class ResourceBody(DescriptionBody):  # type: ignore[valid-type,misc]  # made from the list of fields
    """A resource to be published: its description, and where its open API is."""

    system = fields.String(required=True, validate=_ID)
    path = fields.String(required=True, validate=_TEXT)


class ShareBody(Schema):
    """A share that is asked for."""

    app = fields.String(required=True, validate=_ID)
    purpose = fields.String(required=True, validate=_TEXT)
    until = fields.AwareDateTime(required=True)


class CatalogueQuery(PageQuery):
    """A search of the catalogue."""

    q = fields.String(load_default="", validate=validate.Length(max=QUERY_CHARS))


def catalogue_api(resources: Resources, shares: Shares) -> ApiViews:
    """The catalogue, for everybody who works for the city."""
    routes = ApiViews("catalogue-api", __name__, url_prefix="/api/v1/catalogue")

    @routes.route("")
    class CatalogueSearch(MethodView):
        @routes.arguments(CatalogueQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> dict[str, Any]:
            """One page, newest first."""
            page = resources.search(query["q"], before=query["cursor"])
            more = page[-1].resource if len(page) == PAGE else None
            return {"items": [resource_json(one) for one in page], "next_cursor": more}

    @routes.route("/{resource}")
    class CatalogueResource(MethodView):
        def get(self, resource: str) -> dict[str, Any]:
            """All its fields, and who may use it now."""
            answer = resource_json(resources.find(resource))
            return answer | {"shares": [share_json(share) for share in shares.list_by_resource(resource)]}

    return routes


def resources_api(resources: Resources, effective: Effective, clock: Callable[[], datetime]) -> ApiViews:
    """A department's own resources."""
    routes = ApiViews("resources-api", __name__, url_prefix=_OWN)

    @routes.route("")
    class DepartmentResources(MethodView):
        @routes.arguments(ResourceBody)
        def post(self, body: dict[str, str], department: str) -> Response | tuple[dict[str, Any], int]:
            """Publish; answers when it is effective at every gateway."""
            act = current_act()
            texts = clean_texts(body, (*DESCRIBED, "system", "path"))
            system, path = texts["system"], texts["path"]
            if errors := [*wrong_with_version(texts, now=clock()), *wrong_with_place(system, path)]:
                return refuse_with("request-invalid", errors)
            try:
                resource, receipt = publish_resource(
                    resources, act, texts, system=system, path=path, effective=effective
                )
            except NotServed as wrong:
                return refuse_with(wrong.code, [{"field": "path", "code": wrong.code}])
            return resource_json(resource) | {"receipt": receipt_json(receipt)}, 201

    @routes.route("/{resource}/versions")
    class ResourceVersions(MethodView):
        @routes.arguments(DescriptionBody)
        def post(self, body: dict[str, str], department: str, resource: str) -> Response | tuple[dict[str, Any], int]:
            """Publish the next version."""
            act, description = current_act(), clean_texts(body, DESCRIBED)
            if errors := wrong_with_version(description, now=clock()):
                return refuse_with("request-invalid", errors)
            return resource_json(renew_resource(resources, act, resource, description)), 201

    @routes.route("/{resource}")
    class DepartmentResource(MethodView):
        def delete(self, department: str, resource: str) -> dict[str, Any]:
            """Withdraw; answers when nobody reads it any more."""
            last, receipt = withdraw_resource(resources, current_act(), resource, effective=effective)
            return resource_json(last) | {"receipt": receipt_json(receipt)}

    return routes


def shares_api(
    shares: Shares, *, speaks_for: Callable[[str], bool], effective: Effective, clock: Callable[[], datetime]
) -> ApiViews:
    """Who may use a department's resource; to ask for a share needs the owner's approval."""
    routes = ApiViews("shares-api", __name__, url_prefix=f"{_OWN}/{{resource}}/shares")

    @routes.route("")
    class ResourceShares(MethodView):
        @routes.arguments(ShareBody)
        def post(self, body: dict[str, Any], department: str, resource: str) -> Response | tuple[dict[str, Any], int]:
            """Let an app of the asker's department use it; answers when it is effective at every gateway."""
            act, texts = current_act(), clean_texts(body, ("app", "purpose"))
            until: datetime = body["until"]
            if errors := wrong_with_share_request(purpose=texts["purpose"], until=until, now=clock()):
                return refuse_with("request-invalid", errors)
            wanted = ShareRequest(resource=resource, until=until, **texts)
            share, receipt = give_share(shares, act, wanted, speaks_for=speaks_for, effective=effective)
            return share_json(share) | {"receipt": receipt_json(receipt)}, 201

    @routes.route("/{share}")
    class ResourceShare(MethodView):
        def delete(self, department: str, resource: str, share: str) -> dict[str, Any]:
            """End it, as the owner."""
            before, receipt = end_share_as_owner(shares, current_act(), share, resource=resource, effective=effective)
            return share_json(before) | {"receipt": receipt_json(receipt)}

    return routes
