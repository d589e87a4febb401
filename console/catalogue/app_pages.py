"""A department's apps: made, with a secret that is shown once; what each may use; changed."""

from datetime import datetime
from typing import Any

from flask import request
from werkzeug import Response

from catalogue.description import clean_texts, wrong_with_name
from catalogue.share import Share, Shares
from console.catalogue.acts import Effective, end_share_as_user
from console.catalogue.app_acts import APP_CHANGES, change_app, create_app
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.problem import form_status
from console.shell.views import PageViews
from idp.apps import Apps
from idp.directory import Directory

_BASE = "/departments/{department}/apps"


class AppPages:
    """The views of the department whose apps they are."""

    def __init__(
        self,
        frame: Frame,
        *,
        apps: Apps,
        shares: Shares,
        directory: Directory,
        effective: Effective,
    ) -> None:
        self._frame, self._apps, self._shares = frame, apps, shares
        self._directory, self._effective = directory, effective

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("apps", __name__)
        views.get(_BASE)(self.apps)
        views.post(_BASE)(self.create)
        for verb in APP_CHANGES:
            views.add_url_rule(f"{_BASE}/{{app}}/{verb}", verb, self.change, methods=["POST"], defaults={"verb": verb})
        views.post(f"{_BASE}/{{app}}/shares/{{share}}/end")(self.end_share)
        return views

    def apps(self, department: str) -> Response:
        """The department's apps and what each may use."""
        return self._page(department)

    def create(self, department: str) -> Response:
        """Make one; this answer alone shows its secret."""
        act = current_act()
        name = clean_texts(request.form, ("name",))["name"]
        if errors := list(wrong_with_name(name)):
            return self._page(department, status=form_status(errors), errors=errors, name=name)
        app, secret = create_app(self._apps, act, name)
        return self._page(department, status=201, new_app={"id": app.id, "name": app.name, "secret": secret})

    def change(self, department: str, app: str, verb: str) -> Response:
        """End it, or whatever else `APP_CHANGES` calls by this verb."""
        change = APP_CHANGES[verb]
        _, receipt = change_app(self._apps, current_act(), change, app, effective=self._effective)
        return self._frame.receipts.redirect_with(f"/departments/{department}/apps", change.receipt, receipt)

    def end_share(self, department: str, app: str, share: str) -> Response:
        """Give back what an app may use."""
        _, receipt = end_share_as_user(self._shares, current_act(), share, app=app, effective=self._effective)
        return self._frame.receipts.redirect_with(f"/departments/{department}/apps", "share-ended", receipt)

    def _page(self, department: str, *, status: int = 200, **shown: Any) -> Response:
        base = f"/departments/{department}/apps"
        shares: dict[str, list[Share]] = {}
        for share in self._shares.list_by_department(department):
            shares.setdefault(share.app, []).append(share)
        return self._frame.page(
            "apps.html",
            status=status,
            csrf=reader().csrf,
            department=name_in(self._directory.departments()[department], self._frame.lang()),
            action=base,
            apps=[
                {
                    "app": app,
                    "href": f"{base}/{app.id}",
                    "uses": [_use(base, share) for share in shares.get(app.id, ())],
                }
                for app in self._apps.list_live([department])
            ],
            new_app=shown.get("new_app"),
            name=shown.get("name", ""),
            errors=shown.get("errors", []),
            receipt=self._frame.receipts.read(base),
        )


def _use(base: str, share: Share) -> dict[str, str | datetime]:
    return {
        "name": share.resource_name,
        "href": f"/catalogue/{share.resource}",
        "until": share.until,
        "end": f"{base}/{share.app}/shares/{share.id}/end",
    }
