"""O1: zones and the flows between them, every machine, and the question whether something passes."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, request
from werkzeug import Response

from authz.offices import SYSTEM_ADMINISTRATOR
from authz.register import Register
from console.asked_infra import way_of
from console.frame import Frame
from console.person_page import named
from console.zone_diagram import diagram
from gateway.local import exchange
from idp.directory import Directory
from infra.data_plane import Deviation
from infra.errors import DataPlaneUnavailable, HypervisorUnavailable, ZoneUnknown
from infra.machines import Machines
from infra.zone import Zone
from infra.zones import Tested, Zones

_TOLD = 10  # deviations shown


class Desk:
    """The view of whoever runs or guards the platform."""

    def __init__(
        self, frame: Frame, zones: Zones, machines: Machines, *, directory: Directory, register: Register
    ) -> None:
        self._frame, self._zones, self._machines = frame, zones, machines
        self._directory, self._register = directory, register

    def blueprint(self) -> Blueprint:
        """One page."""
        views = Blueprint("zones", __name__, url_prefix="/zones")
        views.get("")(self.zones)
        return views

    def zones(self) -> Response:
        """O1; with `from`, `to`, `protocol` and `port` also the answer of the data plane."""
        lang, zones, flows = self._frame.lang(), self._zones.all(), self._zones.flows(limit=500)
        names = {zone.id: named(zone, lang) for zone in zones}
        departments = {one.id: named(one, lang) for one in self._directory.departments().values()}
        answer, errors = self._tested(departments)
        return self._frame.page(
            "zones.html",
            status=422 if errors else 200,
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
            asked={name: request.args.get(name, "")[:63] for name in ("from", "to", "protocol", "port")},
            answer=answer,
            errors=errors,
            deviations=self._deviations(),
            astray=self._astray(),
            machines=self._all_machines(names, departments),
            csrf=exchange().recorded.identity.csrf,
        )

    def _tested(self, departments: Mapping[str, str]) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
        asked = request.args
        if "from" not in asked:
            return None, []
        way, errors = way_of(*(asked.get(name, "") for name in ("from", "to", "protocol", "port")))
        if way is None:
            return None, errors
        try:
            answer = tested(self._zones.test(way))
        except (ZoneUnknown, DataPlaneUnavailable) as failure:
            return None, [{"field": "", "code": failure.code}]
        if flow := answer["flow"]:
            flow["owner"] = departments.get(flow["owner"], flow["owner"])
        return answer, []

    def _deviations(self) -> list[Deviation] | None:
        """None: nobody knows."""
        try:
            return list(self._zones.drift())[:_TOLD]
        except DataPlaneUnavailable:
            return None

    def _astray(self) -> dict[str, str] | None:
        try:
            return dict(self._machines.astray())
        except HypervisorUnavailable:
            return None

    def _all_machines(self, zones: Mapping[str, str], departments: Mapping[str, str]) -> list[dict[str, Any]]:
        lang, subject = self._frame.lang(), exchange().recorded.identity.subject
        systems = {one.id: named(one, lang) for one in self._register.systems().values()}
        opens = SYSTEM_ADMINISTRATOR in self._frame.offices(subject)  # others would only be refused there
        return [
            {
                "id": one.id,
                "name": one.name,
                "href": f"/departments/{one.department}/machines" if opens else "",
                "zone": zones.get(one.zone, one.zone),
                "host": one.host,
                "system": systems.get(one.system, one.system),
                "department": departments[one.department],
                "size": one.size,
                "state": one.state,
                "wanted": one.wanted,
            }
            for one in self._machines.living()
        ]


def tested(answer: Tested) -> dict[str, Any]:
    """A test's answer as a page and the API show it."""
    flow = answer.flow
    return {
        "passes": answer.passes,
        "agrees": answer.agrees,
        "flow": {"id": flow.id, "owner": flow.owner, "expires_at": flow.expires_at} if flow else None,
    }


def _zone(zone: Zone, lang: str) -> dict[str, Any]:
    return {
        "id": zone.id,
        "name": named(zone, lang),
        "network": zone.network,
        "prefix": zone.prefix,
        "interface": zone.interface,
        "ceiling": zone.ceiling,
    }
