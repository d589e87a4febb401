"""The zones desk: zones and the flows between them, every machine, does it pass, and the form that lets it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import redirect, request
from werkzeug import Response

from audit.city_time import day_after, day_end
from authz.offices import SECURITY_ADMINISTRATOR, SYSTEM_ADMINISTRATOR
from authz.register import Register
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.problem import form_status
from console.shell.terms import PRESET_DAYS
from console.shell.views import PageViews
from console.zones.acts import close_flow, open_flow
from console.zones.answers import test_answer
from console.zones.diagram import diagram
from console.zones.forms import read_way, wrong_with_flow_terms
from idp.directory import Directory
from infra.data_plane import Deviation
from infra.errors import DataPlaneUnavailable, FlowExists, HypervisorUnavailable, ZoneUnknown
from infra.machines import Machines
from infra.zone import Zone
from infra.zones import FlowTerms, Zones

_SHOWN = 10  # deviations
_WAY, _TERMS = ("from", "to", "protocol", "port"), ("owner", "until", "reason")


class ZonePages:
    """The views of whoever runs or guards the platform."""

    def __init__(
        self,
        frame: Frame,
        zones: Zones,
        machines: Machines,
        *,
        directory: Directory,
        register: Register,
        clock: Callable[[], datetime],
    ) -> None:
        self._frame, self._zones, self._machines = frame, zones, machines
        self._directory, self._register, self._clock = directory, register, clock

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("zones", __name__, url_prefix="/zones")
        views.get("")(self.zones)
        views.post("/{zone}/flows/{to}/{protocol}/{port}")(self.open)
        views.post("/{zone}/flows/{to}/{protocol}/{port}/close")(self.close)
        return views

    def zones(self) -> Response:
        """The zones page; with `from`, `to`, `protocol` and `port` also the answer of the data plane."""
        return self._page([request.args.get(name, "")[:63] for name in _WAY] if "from" in request.args else [])

    def open(self, zone: str, to: str, protocol: str, port: str) -> Response:
        """Open a flow; the door has decided, and a second person has agreed. Then the data plane is asked again."""
        act = current_act()
        way, _ = read_way(zone, to, protocol, port)  # what is wrong with it the page says, which tests it
        form = {name: request.form.get(name, "").strip() for name in _TERMS}
        until = day_end(form["until"])
        errors = list(
            wrong_with_flow_terms(
                owner=form["owner"], reason=form["reason"], until=until,
                departments=self._directory.departments(), now=act.at,
            )
        )  # fmt: skip
        if way is None or until is None or errors:
            return self._page([zone, to, protocol, port], form, errors)
        terms = FlowTerms(owner=form["owner"], reason=form["reason"], expires_at=until)
        try:
            open_flow(self._zones, act, way, terms)
        except FlowExists as failure:
            return self._page([zone, to, protocol, port], form, [{"field": "", "code": failure.code}])
        return _test_again(zone, to, protocol, port)

    def close(self, zone: str, to: str, protocol: str, port: str) -> Response:
        """Close it, with whatever runs over it; then the data plane is asked again."""
        act = current_act()
        way, _ = read_way(zone, to, protocol, port)
        if way is None:
            return self._page([zone, to, protocol, port])
        close_flow(self._zones, act, way)
        return _test_again(zone, to, protocol, port)

    def _page(
        self, way: Sequence[str], filled: Mapping[str, str] | None = None, errors: Sequence[dict[str, str]] = ()
    ) -> Response:
        lang, zones, flows = self._frame.lang(), self._zones.list_zones(), self._zones.flows(limit=500)
        names = {zone.id: name_in(zone, lang) for zone in zones}
        departments = {node.id: name_in(node, lang) for node in self._directory.departments().values()}
        answer, wrong = self._test(way, departments)
        errors = [*errors, *wrong]
        guards = SECURITY_ADMINISTRATOR in self._frame.offices(reader().subject)  # others would only be refused
        return self._frame.page(
            "zones.html",
            status=form_status(errors),
            plane=self._zones.plane.name,
            hypervisor=self._machines.hypervisor.name,
            zones=[_zone(zone, lang) for zone in zones],
            diagram=diagram(zones, flows),
            flows=[
                row
                | {"from": names.get(row["from_zone"], ""), "to": names.get(row["to_zone"], "")}
                | {"owner": departments.get(row["owner"], row["owner"])}
                for row in flows
            ],
            asked=dict(zip(_WAY, way or ("", "", "", ""), strict=True)),
            answer=answer,
            action="/zones/{}/flows/{}/{}/{}".format(*way) if answer and guards else None,
            filled={"owner": "", "until": day_after(self._clock(), PRESET_DAYS), "reason": "", **(filled or {})},
            departments=departments,
            errors=errors,
            deviations=self._deviations(),
            astray=self._astray(),
            machines=self._all_machines(names, departments),
            csrf=reader().csrf,
        )

    def _test(
        self, asked: Sequence[str], departments: Mapping[str, str]
    ) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
        if not asked:
            return None, []
        way, errors = read_way(*asked)
        if way is None:
            return None, errors
        try:
            answer = test_answer(self._zones.test(way))
        except (ZoneUnknown, DataPlaneUnavailable) as failure:
            return None, [{"field": "", "code": failure.code}]
        if flow := answer["flow"]:
            flow["owner"] = departments.get(flow["owner"], flow["owner"])
        return answer, []

    def _deviations(self) -> list[Deviation] | None:
        """None: nobody knows."""
        try:
            return list(self._zones.drift())[:_SHOWN]
        except DataPlaneUnavailable:
            return None

    def _astray(self) -> dict[str, str] | None:
        try:
            return dict(self._machines.strays())
        except HypervisorUnavailable:
            return None

    def _all_machines(self, zones: Mapping[str, str], departments: Mapping[str, str]) -> list[dict[str, Any]]:
        lang = self._frame.lang()
        systems = {system.id: name_in(system, lang) for system in self._register.systems().values()}
        opens = SYSTEM_ADMINISTRATOR in self._frame.offices(reader().subject)  # others would only be refused there
        return [
            {
                "id": machine.id,
                "name": machine.name,
                "href": f"/departments/{machine.department}/machines" if opens else "",
                "zone": zones.get(machine.zone, machine.zone),
                "host": machine.host,
                "system": systems.get(machine.system, machine.system),
                "department": departments[machine.department],
                "size": machine.size,
                "state": machine.state,
                "wanted": machine.wanted,
            }
            for machine in self._machines.list_existing()
        ]


def _test_again(*way: str) -> Response:
    return redirect(f"/zones?{urlencode(dict(zip(_WAY, way, strict=True)))}", 303)


def _zone(zone: Zone, lang: str) -> dict[str, Any]:
    return {
        "id": zone.id,
        "name": name_in(zone, lang),
        "network": zone.network,
        "prefix": zone.prefix,
        "interface": zone.interface,
        "ceiling": zone.ceiling,
    }
