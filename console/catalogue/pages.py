"""The catalogue's pages: what is published, one resource with all its fields and who uses it, and its owner's forms."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug import Response

from audit.city_time import CITY_TIME, day_after, day_end
from authz.register import Register
from catalogue.described import plain, wrong_with, wrong_with_place
from catalogue.errors import NotServed, ResourceUnknown
from catalogue.resource import PAGE, QUERY_CHARS, Resource
from catalogue.share import Share
from catalogue.store import DESCRIBED
from console.catalogue.acts import LONGEST_DAYS, Sharing, wrong_with_ask
from console.shell.act import check_csrf
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.receipts import Receipts
from console.shell.terms import PRESET_DAYS
from gateway.local import exchange
from gateway.routes import Route
from idp.directory import Directory


class CataloguePages:
    """The views of everybody who works for the city, and of the owner of a resource."""

    def __init__(
        self,
        frame: Frame,
        *,
        sharing: Sharing,
        directory: Directory,
        register: Register,
        portals: Mapping[str, Route],
        receipts: Receipts,
    ) -> None:
        """`portals`: of each system the route of its first page."""
        self._frame, self._sharing, self._directory, self._register = frame, sharing, directory, register
        self._portals, self._receipts = portals, receipts

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views, own = Blueprint("catalogue", __name__), "/departments/<department>/resources"
        views.get("/catalogue")(self.resources)
        views.get("/catalogue/<resource>")(self.resource)
        views.get(f"{own}/new")(self.new)
        views.post(own)(self.publish)
        views.post(f"{own}/<resource>/versions")(self.renew)
        views.post(f"{own}/<resource>/withdraw")(self.withdraw)
        views.post(f"{own}/<resource>/shares")(self.ask)
        views.post(f"{own}/<resource>/shared/<share>/end")(self.end)
        return views

    def resources(self) -> Response:
        """One page of the catalogue, newest first."""
        q, before = request.args.get("q", "")[:QUERY_CHARS], request.args.get("before", "")[:26]
        found = self._sharing.room.resources.search(q, before=before)
        more = urlencode({"q": q, "before": found[-1].resource}) if len(found) == PAGE else ""
        owners = {one.department for one in self._register.systems().values()}
        mine = [one for one in self._directory.departments() if one in owners and self._sharing.administers(one)]
        return self._frame.page(
            "catalogue.html",
            q=q,
            resources=[self._listed(one) for one in found],
            next_url=f"?{more}" if more else None,
            new=[(f"/departments/{one}/resources/new", self._department(one)) for one in mine],
            receipt=self._receipts.read("/catalogue"),
        )

    def resource(self, resource: str) -> Response:
        """One resource: every field, who uses it, what the reader may do with it."""
        return self._shown(self._sharing.room.resources.find(resource))

    def new(self, department: str) -> Response:
        """The form for a resource of this department."""
        today = self._sharing.clock().astimezone(CITY_TIME).date().isoformat()
        preset = {"publisher": self._department(department), "produced": today, "version": "1.0"}
        return self._form(department, filled=preset)

    def publish(self, department: str) -> Response:
        """Publish it, wait for every gateway, and show the receipt."""
        check_csrf()
        described = _described(request.form)
        place = plain(request.form, ("system", "path"))
        errors = [*wrong_with(described, today=self._today()), *wrong_with_place(place["system"], place["path"])]
        if errors:
            return self._form(department, filled=request.form, errors=errors)
        try:
            made, receipt = self._sharing.publish(described, department=department, **place)
        except NotServed as wrong:
            return self._form(department, filled=request.form, errors=[{"field": "path", "code": wrong.code}])
        return self._receipts.redirect_with(f"/catalogue/{made.resource}", "resource-published", receipt)

    def renew(self, department: str, resource: str) -> Response:
        """Publish the next version."""
        check_csrf()
        described = _described(request.form)
        if errors := list(wrong_with(described, today=self._today())):
            found = self._sharing.room.resources.find(resource)
            return self._shown(found, status=422, errors=errors, filled=request.form)
        self._sharing.renew(resource, described, department=department)
        return self._receipts.redirect_with(f"/catalogue/{resource}", "resource-renewed")

    def withdraw(self, department: str, resource: str) -> Response:
        """Take it out of the catalogue."""
        check_csrf()
        _, receipt = self._sharing.withdraw(resource, department=department)
        return self._receipts.redirect_with("/catalogue", "resource-withdrawn", receipt)

    def ask(self, department: str, resource: str) -> Response:
        """Let an app of the reader's use it; the owner's approval was asked for at the door."""
        check_csrf()
        form = plain(request.form, ("app", "purpose", "until"))
        until = day_end(form["until"])
        errors = wrong_with_ask(purpose=form["purpose"], until=until, now=self._sharing.clock())
        if until is None or errors:
            found = self._sharing.room.resources.find(resource)
            return self._shown(found, status=422, errors=errors, asked=form)
        _, receipt = self._sharing.give(
            resource, department=department, app=form["app"], purpose=form["purpose"], until=until
        )
        return self._receipts.redirect_with(f"/catalogue/{resource}", "share-given", receipt)

    def end(self, department: str, resource: str, share: str) -> Response:
        """End a share, as its owner."""
        check_csrf()
        _, receipt = self._sharing.end(share, owner=department, of=resource)
        return self._receipts.redirect_with(f"/catalogue/{resource}", "share-ended", receipt)

    def _shown(self, found: Resource, *, status: int = 200, **given: Any) -> Response:
        owner, room = self._sharing.administers(found.department), self._sharing.room
        base = f"/departments/{found.department}/resources/{found.resource}"
        mine = [one for one in self._directory.departments() if self._sharing.speaks_for(one)]
        until = day_after(self._sharing.clock(), PRESET_DAYS)
        shares = room.shares.of_resource(found.resource)
        return self._frame.page(
            "resource.html",
            status=status,
            csrf=exchange().recorded.identity.csrf,
            resource=self._listed(found) | {"url": self._url(found)},
            versions=room.resources.versions(found.resource),
            shares=[self._share(one, f"{base}/shared/{one.id}/end" if owner else None) for one in shares],
            apps=[{"id": one.id, "name": f"{one.name} ({one.id[-6:]})"} for one in room.apps.of(mine)],
            ask={"action": f"{base}/shares", "app": "", "purpose": "", "until": until, **given.pop("asked", {})},
            own={"action": base, "filled": given.pop("filled", {one: getattr(found, one) for one in DESCRIBED})}
            if owner
            else None,
            longest=LONGEST_DAYS,
            errors=given.pop("errors", []),
            receipt=self._receipts.read(f"/catalogue/{found.resource}"),
        )

    def _form(
        self, department: str, *, filled: Mapping[str, str], errors: list[dict[str, str]] | None = None
    ) -> Response:
        lang = self._frame.lang()
        systems = [one for one in self._register.systems().values() if one.department == department]
        names = (*DESCRIBED, "system", "path")
        return self._frame.page(
            "resource_new.html",
            status=422 if errors else 200,
            csrf=exchange().recorded.identity.csrf,
            department={"id": department, "name": self._department(department)},
            systems=[{"id": one.id, "name": name_in(one, lang)} for one in systems],
            filled={name: filled.get(name, "") for name in names},
            errors=errors or [],
        )

    def _listed(self, found: Resource) -> dict[str, Any]:
        columns = (*DESCRIBED, "label", "system", "path", "published_at", "record")
        told = {name: getattr(found, name) for name in columns}
        owner = self._department(found.department)
        return told | {"id": found.resource, "owner": owner, "href": f"/catalogue/{found.resource}"}

    def _url(self, found: Resource) -> str:
        """Where an app calls it; the path alone where its system has no first page."""
        inbound, portal = exchange().recorded.inbound, self._portals.get(found.system)
        return (inbound.origin.replace(inbound.host, portal.host) if portal else "") + found.path

    def _share(self, one: Share, end: str | None) -> dict[str, Any]:
        return {
            "app": {"name": one.app_name, "id": one.app},
            "department": self._department(one.app_department),
            "purpose": one.purpose,
            "until": one.until,
            "end": end,
        }

    def _department(self, department: str) -> str:
        found = self._directory.departments().get(department)
        if found is None:
            raise ResourceUnknown(department)
        return name_in(found, self._frame.lang())

    def _today(self) -> date:
        return self._sharing.clock().astimezone(CITY_TIME).date()


def _described(form: Mapping[str, str]) -> dict[str, str]:
    """The nine fields; a description typed in several lines is one paragraph."""
    return plain({**form, "description": " ".join(form.get("description", "").splitlines())}, DESCRIBED)
