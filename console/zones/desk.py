"""The desk put together: what it works with, its pages and its part of the API."""

from collections.abc import Callable
from datetime import datetime

from authz.register import Register
from console.shell.desk import Desk
from console.shell.frame import Frame
from console.shell.names import name_among
from console.zones import api
from console.zones.pages import ZonePages
from idp.directory import Directory
from infra.parts import Infrastructure


def open_desk(
    frame: Frame,
    infra: Infrastructure,
    *,
    directory: Directory,
    register: Register,
    clock: Callable[[], datetime],
) -> Desk:
    """Zones, the flows between them, and what the data plane says."""
    zones = infra.zones
    pages = ZonePages(frame, zones, infra.machines, directory=directory, register=register, clock=clock)
    return Desk(
        pages=(pages.blueprint(),),
        api=(api.zones(zones), api.flows(zones), api.one_flow(zones, directory)),
        names=dict.fromkeys(("zones", "flows"), name_among(zones.list_zones)),
    )
