"""Sample values of the pages of machines and zones, in each of their states."""

from collections.abc import Iterator, Mapping

from authz.explain import Condition, Law
from console.zones.diagram import diagram
from infra.data_plane import Deviation
from infra.quota import Size
from infra.zone import Zone
from tests.console.sample_frame import CSRF, MARKED, NOW, ORIGIN

_HOSTILE = MARKED["name"]
_PERSON = {"name": "周强", "offices": ["system-administrator"], "csrf": CSRF}
_PAGE = {"path": "/zones", "person": _PERSON, "nav": [], "origin": ORIGIN}
_ZONES = [
    Zone(
        id=name, name_zh=zh, name_en=name, network=name, prefix=f"10.10.{n}.0/24", interface=f"zn-{name}", ceiling=n + 1
    )
    for n, (name, zh) in enumerate({"internet": "互联网区", "extranet": "政务外网区", "core": _HOSTILE}.items())
]
_SHOWN = [
    {
        "id": z.id,
        "name": z.name_zh,
        "network": z.network,
        "prefix": z.prefix,
        "interface": z.interface,
        "ceiling": z.ceiling,
    }
    for z in _ZONES
]
_FLOWS = [
    {
        "id": "01A", "from_zone": a, "to_zone": b, "from": a, "to": b, "protocol": "tcp", "port": port, "owner": "civil",
        "expires_at": NOW, "reason": _HOSTILE,
    }
    for a, b, port in (("core", "internet", 443), ("core", "internet", 80), ("internet", "extranet", 53))
]  # fmt: skip
_SIZE = Size(4, 8, 50)
_ROW = {
    "id": "01M", "name": "web-1", "href": "/departments/civil/machines", "zone": "核心区", "host": "core-1", "system": "marriage",
    "department": _HOSTILE, "size": _SIZE, "state": "running", "wanted": "running",
}  # fmt: skip
_O1 = {
    "page": _PAGE, "plane": "simulated", "hypervisor": "simulated", "zones": _SHOWN, "diagram": diagram(_ZONES, _FLOWS),
    "flows": _FLOWS, "asked": {"from": "core", "to": "extranet", "protocol": "tcp", "port": "443"}, "answer": None, "errors": [],
    "deviations": [], "astray": {}, "machines": [_ROW, _ROW | {"state": "placing"}], "csrf": CSRF,
    "action": None, "departments": {"civil": _HOSTILE, "housing": "住建局"},
    "filled": {"owner": "civil", "until": "2026-12-31", "reason": _HOSTILE},
}  # fmt: skip
_METERS = [{"resource": name, "taken": 4, "quota": 16, "left": 12} for name in Size._fields]
_MINE = {
    "page": _PAGE, "department": {"id": "civil", "name": _HOSTILE}, "hypervisor": "simulated", "meters": _METERS,
    "month": "2026-11", "total": {"running": 1.5, "cpu": 6.0, "memory_gib": 12.0, "disk_gib": 75.0}, "csrf": CSRF,
    "machines": [
        {
            "id": f"01M{state}", "name": f"web-{state}", "system": "marriage", "zone": "核心区", "host": "core-1", "size": _SIZE,
            "purpose": _HOSTILE, "state": state, "wanted": "running", "hours": 1.5, "verbs": verbs,
        }
        for state, verbs in (("placing", []), ("running", [("stop", "/x/stop"), ("delete", "/x/delete")]))
    ],
}  # fmt: skip
_NEW = {
    "page": _PAGE, "department": {"id": "civil", "name": _HOSTILE}, "hypervisor": "simulated", "csrf": CSRF, "errors": [],
    "short": [], "systems": [{"id": "marriage", "name": _HOSTILE}, {"id": "other", "name": "其他"}],
    "system": {"id": "marriage", "name": _HOSTILE, "label": 3}, "meters": _METERS, "approvers": ["system-administrator"],
    "filled": {"name": "web-1", "cpu": "4", "memory_gib": "8", "disk_gib": "50", "purpose": _HOSTILE},
    "zones": [
        {"id": "core", "name": "核心区", "ceiling": 4, "action": "/departments/civil/x", "against": None},
        {
            "id": "extranet", "name": "政务外网区", "ceiling": 2, "action": None,
            "against": Condition(law=Law.ZONE, value="2", needed="3", ok=False),
        },
    ],
}  # fmt: skip


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values)."""
    by_hand = Deviation(where="flows", found="zn-a . zn-b . tcp . 22", wanted="")
    gone = Deviation(where="flows", found="", wanted="zn-a . zn-b . tcp . 443")
    flow = {"id": "01A", "owner": _HOSTILE, "expires_at": NOW}
    none = {"flows": [], "machines": [], "diagram": None}
    yield "zones.html", "filled", _O1
    yield "zones.html", "empty", _O1 | none
    yield (
        "zones.html",
        "passes",
        _O1
        | {"answer": {"passes": True, "agrees": True, "flow": flow}, "action": "/zones/core/flows/extranet/tcp/443"},
    )
    refused = {
        "answer": {"passes": False, "agrees": True, "flow": None},
        "action": "/zones/core/flows/extranet/tcp/443",
    }
    yield "zones.html", "to-open", _O1 | refused | {"errors": [{"field": "until", "code": "date-past"}]}
    yield "zones.html", "drift", _O1 | {
        "answer": {"passes": True, "agrees": False, "flow": None}, "deviations": [by_hand, gone], "astray": {"01M": "lost"},
    }  # fmt: skip
    yield (
        "zones.html",
        "away",
        _O1 | {"deviations": None, "astray": None, "errors": [{"field": "port", "code": "port-invalid"}]},
    )
    yield "machines.html", "filled", _MINE
    yield "machines.html", "empty", _MINE | {"machines": []}
    yield "machine_new.html", "filled", _NEW
    yield "machine_new.html", "short", _NEW | {
        "short": [{"field": "cpu", "asked": 16, "left": 12, "quota": 16, "raised_by": ["system-administrator"]}],
        "errors": [{"field": "name", "code": "machine-name-taken"}],
    }  # fmt: skip
    yield "machine_new.html", "choose", _NEW | {"system": None, "zones": []}
    yield "machine_new.html", "no-system", _NEW | {"system": None, "systems": [], "zones": []}
