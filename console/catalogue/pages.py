"""The catalogue's pages: what is published, one resource with all its fields and who uses it, and its owner's forms."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug import Response

from audit.city_time import CITY_TIME, day_after, day_end
from authz.register import Register
from catalogue.description import DESCRIBED, clean_texts, wrong_with_place
from catalogue.errors import NotServed, ResourceUnknown
from catalogue.resource import PAGE, QUERY_CHARS, Resource
from catalogue.room import Catalogue
from catalogue.share import Share, ShareRequest
from console.catalogue.acts import (
    Effective,
    end_share_as_owner,
    give_share,
    publish_resource,
    renew_resource,
    withdraw_resource,
)
from console.catalogue.forms import LONGEST_DAYS, description_in, wrong_with_share_request, wrong_with_version
from console.catalogue.rights import ReaderRights
from console.shell.act import current_act, current_request, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.problem import form_status
from console.shell.terms import PRESET_DAYS
from console.shell.views import PageViews
from gateway.routes import Route
from idp.directory import Directory


class CataloguePages:
    """The views of everybody who works for the city, and of the owner of a resource."""

    def __init__(
        self,
        frame: Frame,
        catalogue: Catalogue,
        rights: ReaderRights,
        *,
        directory: Directory,
        register: Register,
        portals: Mapping[str, Route],
        effective: Effective,
        clock: Callable[[], datetime],
    ) -> None:
        """`portals`: of each system the route of its first page."""
        self._frame, self._rights, self._effective = frame, rights, effective
        self._resources, self._shares, self._apps = catalogue.resources, catalogue.shares, catalogue.apps
        self._directory, self._register, self._portals, self._clock = directory, register, portals, clock

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views, own = PageViews("catalogue", __name__), "/departments/{department}/resources"
        views.get("/catalogue")(self.resources)
        views.get("/catalogue/{resource}")(self.resource)
        views.get(f"{own}/new")(self.new)
        views.post(own)(self.publish)
        views.post(f"{own}/{{resource}}/versions")(self.renew)
        views.post(f"{own}/{{resource}}/withdraw")(self.withdraw)
        views.post(f"{own}/{{resource}}/shares")(self.ask)
        views.post(f"{own}/{{resource}}/shared/{{share}}/end")(self.end)
        return views

    def resources(self) -> Response:
        """One page of the catalogue, newest first."""
        q, before = request.args.get("q", "")[:QUERY_CHARS], request.args.get("before", "")[:26]
        page = self._resources.search(q, before=before)
        more = urlencode({"q": q, "before": page[-1].resource}) if len(page) == PAGE else ""
        owners = {system.department for system in self._register.systems().values()}
        theirs = [one for one in self._directory.departments() if one in owners and self._rights.administers(one)]
        return self._frame.page(
            "catalogue.html",
            q=q,
            resources=[self._row(one) for one in page],
            next_url=f"?{more}" if more else None,
            new=[(f"/departments/{one}/resources/new", self._department(one)) for one in theirs],
            receipt=self._frame.receipts.read("/catalogue"),
        )

    def resource(self, resource: str) -> Response:
        """One resource: every field, who uses it, what the reader may do with it."""
        return self._page(resource)

    def new(self, department: str) -> Response:
        """The form for a resource of this department."""
        today = self._clock().astimezone(CITY_TIME).date().isoformat()
        preset = {"publisher": self._department(department), "produced": today, "version": "1.0"}
        return self._form(department, filled=preset)

    def publish(self, department: str) -> Response:
        """Publish it, wait for every gateway, and show the receipt."""
        act, description = current_act(), description_in(request.form)
        place = clean_texts(request.form, ("system", "path"))
        errors = [*wrong_with_version(description, now=self._clock()), *wrong_with_place(**place)]
        if errors:
            return self._form(department, filled=request.form, errors=errors)
        try:
            resource, receipt = publish_resource(self._resources, act, description, **place, effective=self._effective)
        except NotServed as wrong:
            return self._form(department, filled=request.form, errors=[{"field": "path", "code": wrong.code}])
        return self._frame.receipts.redirect_with(f"/catalogue/{resource.resource}", "resource-published", receipt)

    def renew(self, department: str, resource: str) -> Response:
        """Publish the next version."""
        act, description = current_act(), description_in(request.form)
        if errors := wrong_with_version(description, now=self._clock()):
            return self._page(resource, errors, filled=request.form)
        renew_resource(self._resources, act, resource, description)
        return self._frame.receipts.redirect_with(f"/catalogue/{resource}", "resource-renewed")

    def withdraw(self, department: str, resource: str) -> Response:
        """Take it out of the catalogue."""
        _, receipt = withdraw_resource(self._resources, current_act(), resource, effective=self._effective)
        return self._frame.receipts.redirect_with("/catalogue", "resource-withdrawn", receipt)

    def ask(self, department: str, resource: str) -> Response:
        """Let an app of the reader's use it; the owner's approval was asked for at the door."""
        act, form = current_act(), clean_texts(request.form, ("app", "purpose", "until"))
        until = day_end(form["until"])
        errors = wrong_with_share_request(purpose=form["purpose"], until=until, now=self._clock())
        if until is None or errors:
            return self._page(resource, errors, ask=form)
        wanted = ShareRequest(resource=resource, app=form["app"], purpose=form["purpose"], until=until)
        _, receipt = give_share(
            self._shares, act, wanted, speaks_for=self._rights.speaks_for, effective=self._effective
        )
        return self._frame.receipts.redirect_with(f"/catalogue/{resource}", "share-given", receipt)

    def end(self, department: str, resource: str, share: str) -> Response:
        """End a share, as its owner."""
        _, receipt = end_share_as_owner(
            self._shares, current_act(), share, resource=resource, effective=self._effective
        )
        return self._frame.receipts.redirect_with(f"/catalogue/{resource}", "share-ended", receipt)

    def _page(
        self,
        identifier: str,
        errors: Sequence[Mapping[str, str]] = (),
        *,
        ask: Mapping[str, str] | None = None,
        filled: Mapping[str, str] | None = None,
    ) -> Response:
        """The page of one resource; `ask` and `filled`: what was typed into its two forms, where that was wrong."""
        resource = self._resources.find(identifier)
        owns = self._rights.administers(resource.department)
        base = f"/departments/{resource.department}/resources/{resource.resource}"
        theirs = [one for one in self._directory.departments() if self._rights.speaks_for(one)]
        preset = {"app": "", "purpose": "", "until": day_after(self._clock(), PRESET_DAYS)}
        own = {"action": base, "filled": filled or {name: getattr(resource, name) for name in DESCRIBED}}
        return self._frame.page(
            "resource.html",
            status=form_status(errors),
            csrf=reader().csrf,
            resource=self._row(resource) | {"url": self._url(resource)},
            versions=self._resources.versions(resource.resource),
            shares=[
                self._share(share, f"{base}/shared/{share.id}/end" if owns else None)
                for share in self._shares.list_by_resource(resource.resource)
            ],
            apps=[{"id": app.id, "name": f"{app.name} ({app.id[-6:]})"} for app in self._apps.list_live(theirs)],
            ask={"action": f"{base}/shares", **preset, **(ask or {})},
            own=own if owns else None,
            longest=LONGEST_DAYS,
            errors=errors,
            receipt=self._frame.receipts.read(f"/catalogue/{resource.resource}"),
        )

    def _form(
        self, department: str, *, filled: Mapping[str, str], errors: Sequence[Mapping[str, str]] = ()
    ) -> Response:
        lang = self._frame.lang()
        systems = [one for one in self._register.systems().values() if one.department == department]
        return self._frame.page(
            "resource_new.html",
            status=form_status(errors),
            csrf=reader().csrf,
            department={"id": department, "name": self._department(department)},
            systems=[{"id": one.id, "name": name_in(one, lang)} for one in systems],
            filled={name: filled.get(name, "") for name in (*DESCRIBED, "system", "path")},
            errors=errors,
        )

    def _row(self, resource: Resource) -> dict[str, Any]:
        columns = (*DESCRIBED, "label", "system", "path", "published_at", "record")
        return {name: getattr(resource, name) for name in columns} | {
            "id": resource.resource,
            "owner": self._department(resource.department),
            "href": f"/catalogue/{resource.resource}",
        }

    def _url(self, resource: Resource) -> str:
        """Where an app calls it; the path alone where its system has no first page."""
        inbound, portal = current_request().inbound, self._portals.get(resource.system)
        return (inbound.origin.replace(inbound.host, portal.host) if portal else "") + resource.path

    def _share(self, share: Share, end: str | None) -> dict[str, Any]:
        return {
            "app": {"name": share.app_name, "id": share.app},
            "department": self._department(share.app_department),
            "purpose": share.purpose,
            "until": share.until,
            "end": end,
        }

    def _department(self, identifier: str) -> str:
        department = self._directory.departments().get(identifier)
        if department is None:
            raise ResourceUnknown(identifier)
        return name_in(department, self._frame.lang())
