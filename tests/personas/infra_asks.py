"""The requests about machines and zones that succeed if they are permitted."""

import itertools
from datetime import timedelta

import sqlalchemy as sa

from authz import store
from city.clock import clock
from city.identifiers import mint
from infra.machines import DELETED, STOPPED, MachineOrder
from infra.quota import Size
from infra.zone import Way
from infra.zones import FlowTerms
from tests.acts import an_act
from tests.founded_city import Answer, CityDoor, tomorrow

_SYSTEMS = {"civil": "marriage", "housing": "housing", "civil-registry": "registry"}
_PORTS, _NAMES = itertools.count(7000), itertools.count()
_SIZE = {"cpu": 1, "memory_gib": 1, "disk_gib": 1}


def is_ours(path: str) -> bool:
    return any(noun in path for noun in ("/zones", "/flows", "/machines", "/quota", "/usage"))


def ask(door: CityDoor, method: str, path: str, who: str, department: str) -> Answer:
    in_force(door)
    values = {"department": department, "zone": "core", "to": "extranet", "protocol": "tcp", "port": str(next(_PORTS))}
    values["system"] = system_of(door, department)
    if "{machine}" in path:
        values["machine"] = machine(door, department, stopped=path.endswith("/start"))
    if "/flows/" in path and (method == "DELETE" or path.endswith("/close")):
        opened(door, values)
    if "{request}" in path:
        values["port"] = "6999"  # asked for by every cell alike, so that it waits once
        values["request"] = waiting(door, path.removesuffix("/approve/{request}"), values)
    target = path.format(**values) + ("?to=extranet&port=443" if path.endswith("/test") else "")
    if method == "GET" or "{machine}" in path or "{request}" in path or path.endswith("/apply"):
        return door.ask(
            method, target, who, json=None if method == "GET" or not values.get("request") else {"verdict": "approve"}
        )
    return door.ask(method, target, who, **body(path))


def body(path: str) -> dict[str, dict[str, object]]:
    machine_ = {"name": f"vm-{next(_NAMES)}", "purpose": "duty", **_SIZE}
    if "/flows/" in path:
        by_api = path.startswith("/api/")
        day = tomorrow(2)[:10]
        until = {"expires_at": f"{day}T00:00:00Z"} if by_api else {"until": day}
        return {"json" if by_api else "form": {"owner": "civil", "reason": "duty", **until}}
    if path.endswith("/quota"):
        return {"json": {"cpu": 16, "memory_gib": 64, "disk_gib": 500}}
    key = "json" if path.startswith("/api/") else "form"
    return {key: machine_ if key == "json" else {name: str(value) for name, value in machine_.items()}}


def system_of(door: CityDoor, department: str) -> str:
    """A system of that very department; the registry has none in the demo, so it is given one."""
    name = _SYSTEMS[department]
    if name not in door.city.deciding.policies().facts.systems:
        row = {"id": name, "department": department, "name_zh": "登记", "name_en": "Registry", "label": 2}
        with door.city.stores.database.transaction() as connection:
            connection.execute(sa.insert(store.system).values(row))
            epoch = door.city.stores.epochs.bump(connection, [("policy", name)])
        door.city.deciding.effective(epoch)
    return name


def in_force(door: CityDoor) -> None:
    """As the clock-job does it."""
    assert door.ask("POST", "/api/v1/jobs/infra", "clock-job").status == 200


def machine(door: CityDoor, department: str, *, stopped: bool = False) -> str:
    """One that runs, or ran."""
    order = MachineOrder(
        name=f"vm-{next(_NAMES)}", department=department, system=_SYSTEMS[department], zone="core", size=Size(1, 1, 1),
        purpose="duty",
    )  # fmt: skip
    machines = door.city.rooms.infra.machines
    for old in machines.list_existing(frozenset({department})):
        machines.change(old.id, DELETED, an_act("user:x", record=mint()), inside=frozenset({department}))
    made = machines.request(order, an_act("user:x", approver="user:y", record=mint()))
    if stopped:
        machines.change(made.id, STOPPED, an_act("user:x", record=mint()), inside=frozenset({department}))
    return made.id


def opened(door: CityDoor, values: dict[str, str]) -> None:
    """What `values` names is open."""
    way = Way(values["zone"], values["to"], values["protocol"], int(values["port"]))
    terms = FlowTerms(owner="civil", reason="duty", expires_at=clock() + timedelta(days=1))
    door.city.rooms.infra.zones.open(way, terms, an_act("user:x", approver="user:y", record=mint()))


def waiting(door: CityDoor, path: str, values: dict[str, str]) -> str:
    """A request that somebody else made there, and that waits for a second person."""
    who = "feng" if "/flows/" in path else "sun" if values["department"] == "housing" else "qian"
    answer = door.ask("POST", path.format(**values), who, **body(path))
    assert answer.json["missing"] == "approver", answer
    return str(answer.json["request"])
