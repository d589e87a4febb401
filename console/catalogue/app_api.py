"""`/api/v1` of a department's apps and what they use, for commands and programs."""

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from catalogue.description import clean_texts, wrong_with_name
from catalogue.share import Shares
from console.catalogue.acts import Effective, end_share_as_user
from console.catalogue.answers import app_json, share_json
from console.catalogue.app_acts import APP_CHANGES, change_app, create_app
from console.shell.act import current_act
from console.shell.problem import refuse_with
from console.shell.receipts import receipt_json
from console.shell.views import ApiViews
from idp.apps import Apps

_BASE = "/api/v1/departments/{department}/apps"


class AppBody(Schema):
    """An app to be made."""

    name = fields.String(required=True, validate=validate.Length(max=2000))


def apps_api(apps: Apps, shares: Shares, effective: Effective) -> ApiViews:
    """List them, make one, and change one."""
    routes = ApiViews("apps-api", __name__, url_prefix=_BASE)

    @routes.route("")
    class DepartmentApps(MethodView):
        def get(self, department: str) -> dict[str, Any]:
            """All of them, as many as a department may have, and what they may use now."""
            return {
                "items": [app_json(app) for app in apps.list_live([department])],
                "shares": [share_json(share) for share in shares.list_by_department(department)],
            }

        @routes.arguments(AppBody)
        def post(self, body: dict[str, str], department: str) -> Response | tuple[dict[str, Any], int]:
            """Make one; this answer alone tells its secret."""
            act = current_act()
            name = clean_texts(body, ("name",))["name"]
            if errors := list(wrong_with_name(name)):
                return refuse_with("request-invalid", errors)
            app, secret = create_app(apps, act, name)
            return app_json(app) | {"secret": secret}, 201

    def change(department: str, app: str, verb: str) -> dict[str, Any]:
        """Change an app as the path says; answers when every gateway knows it."""
        before, receipt = change_app(apps, current_act(), APP_CHANGES[verb], app, effective=effective)
        return app_json(before) | {"receipt": receipt_json(receipt)}

    for one in APP_CHANGES.values():
        routes.add_url_rule(
            f"/{{app}}{one.api_path}", one.verb, change, methods=[one.api_method], defaults={"verb": one.verb}
        )

    return routes


def app_shares_api(shares: Shares, effective: Effective) -> ApiViews:
    """Give back what an app may use."""
    routes = ApiViews("app-shares-api", __name__, url_prefix=_BASE)

    @routes.route("/{app}/shares/{share}")
    class AppShare(MethodView):
        def delete(self, department: str, app: str, share: str) -> dict[str, Any]:
            """End it, as who uses it."""
            before, receipt = end_share_as_user(shares, current_act(), share, app=app, effective=effective)
            return share_json(before) | {"receipt": receipt_json(receipt)}

    return routes
