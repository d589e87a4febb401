"""A department's apps: made, with a secret that is shown once; what each may use; ended."""

from datetime import datetime
from typing import Any

from flask import Blueprint, request
from werkzeug import Response

from catalogue.described import plain, wrong_with_name
from catalogue.share import Share
from console.catalogue.acts import Sharing
from console.shell.act import check_csrf
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.receipts import Receipts
from gateway.local import exchange
from idp.directory import Directory

_BASE = "/departments/<department>/apps"


class AppPages:
    """The views of the department whose apps they are."""

    def __init__(self, frame: Frame, *, sharing: Sharing, directory: Directory, receipts: Receipts) -> None:
        self._frame, self._sharing, self._directory, self._receipts = frame, sharing, directory, receipts

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views = Blueprint("apps", __name__)
        views.get(_BASE)(self.apps)
        views.post(_BASE)(self.create)
        views.post(f"{_BASE}/<app>/end")(self.end)
        views.post(f"{_BASE}/<app>/shares/<share>/end")(self.end_share)
        return views

    def apps(self, department: str) -> Response:
        """The department's apps and what each may use."""
        return self._shown(department)

    def create(self, department: str) -> Response:
        """Make one; this answer alone shows its secret."""
        check_csrf()
        name = plain(request.form, ("name",))["name"]
        if errors := list(wrong_with_name(name)):
            return self._shown(department, status=422, errors=errors, name=name)
        made, secret = self._sharing.create_app(name, department=department)
        return self._shown(department, status=201, made={"id": made.id, "name": made.name, "secret": secret})

    def end(self, department: str, app: str) -> Response:
        """End it: no gateway takes its key from then on."""
        check_csrf()
        _, receipt = self._sharing.end_app(app, department=department)
        return self._receipts.redirect_with(f"/departments/{department}/apps", "app-ended", receipt)

    def end_share(self, department: str, app: str, share: str) -> Response:
        """Give back what an app may use."""
        check_csrf()
        _, receipt = self._sharing.end(share, user=department, of=app)
        return self._receipts.redirect_with(f"/departments/{department}/apps", "share-ended", receipt)

    def _shown(self, department: str, *, status: int = 200, **given: Any) -> Response:
        base, room = f"/departments/{department}/apps", self._sharing.room
        shares: dict[str, list[Share]] = {}
        for one in room.shares.of_department(department):
            shares.setdefault(one.app, []).append(one)
        return self._frame.page(
            "apps.html",
            status=status,
            csrf=exchange().recorded.identity.csrf,
            department=name_in(self._directory.departments()[department], self._frame.lang()),
            action=base,
            apps=[
                {
                    "id": one.id,
                    "name": one.name,
                    "since": one.created_at,
                    "until": one.expires_at,
                    "end": f"{base}/{one.id}/end",
                    "uses": [_used(base, share) for share in shares.get(one.id, ())],
                }
                for one in room.apps.of([department])
            ],
            made=given.get("made"),
            name=given.get("name", ""),
            errors=given.get("errors", []),
            receipt=self._receipts.read(base),
        )


def _used(base: str, share: Share) -> dict[str, str | datetime]:
    return {
        "name": share.resource_name,
        "href": f"/catalogue/{share.resource}",
        "until": share.until,
        "end": f"{base}/{share.app}/shares/{share.id}/end",
    }
