"""The route table and the Flask application name the same things; nothing is unguarded, `public` is written out."""

import re

import pytest
from werkzeug.routing import BuildError, Rule

from gateway.errors import NotThroughTheDoor
from gateway.routes import Route
from tests.founded_city import CONSOLE, PORT, CityDoor, tomorrow

_PUBLIC = {
    ("GET", "/.citygate/login"), ("GET", "/.citygate/callback"), ("GET", "/.citygate/logout"),
    ("POST", "/.citygate/logout"),
    ("GET", "/.citygate/resume/{parked}"), ("POST", "/.citygate/resume/{parked}"), ("GET", "/.citygate/static/{file}"),
    ("GET", "/.well-known/citygate/jwks.json"), ("GET", "/api/v1/openapi.json"),
    ("POST", "/.citygate/backchannel-logout"),
}  # fmt: skip
_UNASKED = {"HEAD", "OPTIONS"}


def _local(door: CityDoor) -> list[Route]:
    return [route for route in door.city.routing.table.routes if route.host == CONSOLE]


def _application(door: CityDoor):  # type: ignore[no-untyped-def]
    return door.gate.deliveries.local._application.app  # type: ignore[attr-defined]


def _shape(path: str) -> str:
    return re.sub(r"<[^>]+>|\{[^}]+\}", "{}", path)


def _of_flask(door: CityDoor) -> set[tuple[str, str]]:
    rules: list[Rule] = list(_application(door).url_map.iter_rules())
    return {(method, _shape(rule.rule)) for rule in rules for method in (rule.methods or set()) - _UNASKED}


def test_every_view_has_exactly_one_route_and_every_route_a_view(door: CityDoor) -> None:
    routed = [(method, _shape(route.path)) for route in _local(door) for method in route.actions]
    assert len(routed) == len(set(routed))
    assert set(routed) == _of_flask(door)
    assert {route.delivery for route in _local(door)} == {"local"}


def test_what_is_public_is_written_out_here(door: CityDoor) -> None:
    public = {(method, route.path) for route in _local(door) if route.public for method in route.actions}
    assert public == _PUBLIC


def test_a_portals_host_has_the_doors_own_pages_and_no_desk(door: CityDoor) -> None:
    others = [route for route in door.city.routing.table.routes if route.host != CONSOLE and route.delivery == "local"]
    assert {(method, route.path) for route in others for method in route.actions} <= _PUBLIC | {("GET", "/")}


def test_no_view_answers_who_did_not_come_through_the_door(door: CityDoor) -> None:
    application = _application(door)
    adapter = application.url_map.bind("localhost")
    for rule in application.url_map.iter_rules():
        try:
            path = adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "1"))
        except (BuildError, ValueError):
            path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            with pytest.raises(NotThroughTheDoor):
                application.test_client().open(path, method=method)


_PLACED = "/departments/{department}/zones/{zone}/systems/{system}/machines"
_FLOW = "/zones/{zone}/flows/{to}/{protocol}/{port}"
_SECOND = {
    ("POST", one) for one in (_PLACED, f"/api/v1{_PLACED}", _FLOW, f"/api/v1{_FLOW}")
}  # parked before a view looks at the token
_WRITES = [
    ("POST", "/sessions/end-all", "wang"), ("POST", "/sessions/{session}/end", "wang"),
    ("POST", "/.citygate/logout", "wang"), ("POST", "/api/v1/issuer/apply", "zhou"),
    ("POST", "/.citygate/resume/{parked}", "wang"), ("DELETE", "/api/v1/sessions", "wang"),
    ("POST", "/departments/{department}/people/{person}/assignments", "qian"),
    ("POST", "/departments/{department}/people/{person}/assignments/{assignment}/revoke", "qian"),
    ("POST", "/api/v1/departments/{department}/people/{person}/assignments", "qian"),
    ("POST", "/backups/run", "zhou"), ("POST", "/backups/drill", "zhou"),
    ("POST", "/api/v1/backups", "zhou"), ("POST", "/api/v1/drills", "zhou"),
    ("DELETE", "/api/v1/departments/{department}/people/{person}/assignments/{assignment}", "qian"),
    *((method, f"{prefix}/departments/{{department}}/{path}", "qian") for method, prefix, path in (
        ("POST", "", "resources"), ("POST", "", "resources/{resource}/versions"),
        ("POST", "", "resources/{resource}/withdraw"), ("POST", "", "resources/{resource}/shares/approve/{request}"),
        ("POST", "", "resources/{resource}/shared/{share}/end"), ("POST", "", "apps"), ("POST", "", "apps/{app}/end"),
        ("POST", "", "apps/{app}/pause"), ("POST", "/api/v1", "apps/{app}/pause"),
        ("POST", "", "apps/{app}/shares/{share}/end"), ("POST", "/api/v1", "resources"),
        ("POST", "/api/v1", "resources/{resource}/versions"), ("DELETE", "/api/v1", "resources/{resource}"),
        ("POST", "/api/v1", "resources/{resource}/shares/approve/{request}"),
        ("DELETE", "/api/v1", "resources/{resource}/shares/{share}"), ("POST", "/api/v1", "apps"),
        ("DELETE", "/api/v1", "apps/{app}"), ("DELETE", "/api/v1", "apps/{app}/shares/{share}"),
    )),
    *(("POST", f"{prefix}/departments/{{department}}/keys/{{key}}/rotate/approve/{{request}}", "feng")
      for prefix in ("", "/api/v1")),
    *(("POST", f"{prefix}/departments/{{department}}/apps/{{app}}/resume/approve/{{request}}", "feng")
      for prefix in ("", "/api/v1")),
    ("POST", "/api/v1/departments/{department}/keys", "zheng"),
    ("PUT", "/api/v1/departments/{department}/key-suite", "zheng"),
    *(("POST", f"/api/v1/departments/{{department}}/keys/{{key}}/{use}", "zhao")
      for use in ("encrypt", "decrypt", "rewrap", "sign", "verify")),
    *(("POST", f"{prefix}/systems/{{system}}/{path}", "zheng")
      for prefix in ("", "/api/v1") for path in ("grade/approve/{request}", "assessments", "controls/{control}/answer")),
    *(("POST", f"{prefix}{_PLACED}/approve/{{request}}", "zhou") for prefix in ("", "/api/v1")),
    *(("POST", f"/departments/{{department}}/machines/{{machine}}/{verb}", "qian")
      for verb in ("start", "stop", "delete")),
    *(("POST", f"/api/v1/departments/{{department}}/machines/{{machine}}/{verb}", "qian") for verb in ("start", "stop")),
    ("DELETE", "/api/v1/departments/{department}/machines/{machine}", "qian"),
    ("PUT", "/api/v1/departments/{department}/quota", "zhou"), ("POST", "/api/v1/zones/apply", "zhou"),
    *(("POST", f"{prefix}{_FLOW}/approve/{{request}}", "zheng") for prefix in ("", "/api/v1")),
    ("POST", f"{_FLOW}/close", "zheng"), ("DELETE", f"/api/v1{_FLOW}", "zheng"),
]  # fmt: skip
_NINE = dict.fromkeys(
    ("name", "produced", "publisher", "category", "version", "description", "carrier", "form", "location"), "x"
)
_BODIES = {
    "resources": {**_NINE, "system": "marriage", "path": "/x"}, "versions": _NINE, "apps": {"name": "x"},
    "answer": {"status": "met", "reason": "r", "until": "2099-01-01T00:00:00Z"},
    "keys": {"name": "k", "usage": "encrypt"}, "key-suite": {"suite": "guomi"}, "encrypt": {"plaintext": ""},
    "decrypt": {"ciphertext": ""}, "rewrap": {"ciphertext": ""}, "sign": {"message": ""},
    "verify": {"message": "", "signature": "", "version": 1},
}  # fmt: skip
_MACHINES = {
    ("POST", "/api/v1/jobs/{job}"),
    ("POST", "/.citygate/backchannel-logout"),
}  # asked for by a key, never by a browser


def test_every_write_of_a_browser_is_tried_below(door: CityDoor) -> None:
    writes = {
        (method, route.path) for route in _local(door) for method in route.actions if method not in ("GET", "OPTIONS")
    }
    # a second person is asked for before a view looks at the page's token: it looks when the request is sent again
    parked = {
        (method, route.path) for route in _local(door) for method, act in route.actions.items() if act in route.approval
    }
    assert {(method, path) for method, path, _ in _WRITES} == writes - _MACHINES - parked


@pytest.mark.parametrize(("method", "path", "who"), _WRITES)
@pytest.mark.parametrize("token", [None, "", "0" * 32, "other"])
def test_a_signed_in_browser_without_the_pages_token_changes_nothing(
    door: CityDoor, method: str, path: str, who: str, token: str | None
) -> None:
    cookie = door.sign_in(who)
    parts = {"department": "civil", "person": door.ids["zhao"], "zone": "core", "system": "marriage"}
    target = re.sub(r"\{([a-z]+)\}", lambda found: parts.get(found[1], "01J"), path)
    given = door.csrf(door.sign_in(who)) if token == "other" else token  # of another session of hers
    role = {"role": "marriage-clerk", "clearance": 2, "expires_at": "2099-01-01T00:00:00Z", "reason": "r"}
    if "/keys/" in path and who == "zhao":
        give = f"/api/v1/departments/civil/people/{door.ids['zhao']}/assignments"
        door.ask("POST", give, "qian", json=role | {"role": "key-user", "clearance": 3, "expires_at": tomorrow()})
    role = _BODIES.get(path.rpartition("/")[2], role)
    role = {"cpu": 1, "memory_gib": 1, "disk_gib": 1} if path.endswith("/quota") else role
    body = {"json": role} if "/api/" in path else {"form": {} if given is None else {"csrf": given}}
    headers = {"origin": f"http://{CONSOLE}:{PORT}", **({"x-csrf-token": given} if given else {})}
    answer = door.ask(method, target, cookie=cookie, headers=headers, **body)  # type: ignore[arg-type]
    if (method, path) in _SECOND:
        assert (answer.status, answer.json["missing"]) == (403, "approver")
    else:
        assert (answer.status, answer.json["code"]) == (403, "csrf-refused")
    assert door.city.people.sessions.list_alive(door.ids[who])
