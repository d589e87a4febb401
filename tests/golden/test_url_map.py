"""Every address the product answers, and what the door's table says of it."""

from tests.founded_city import CityDoor
from tests.golden.product import Route, hosts_of_kind, views
from tests.golden.text import compare

_EXPLANATION = """
A row is: host, method, path, action, label; then what is not as usual.
host: `console`; `entrance`, the bare domain; `portal`, the door's own pages on each portal's host.
`public`: anybody may. `approval=A@L`: a second person who may do A; whoever approves is held to label L.
`approves=P`: here requests for P are approved. `body=N`: bytes at most, unless 1 MiB. `of_system`, `in_zone`: the variable
that names it. `no view`: no Flask view has this method and path; `no route`: a view that no route leads to.
"""


def _row(kind: str, method: str, route: Route, known: set[tuple[str, str]]) -> str:
    approval = route.approval.get(route.actions[method], "")
    said = {
        "system": route.system, "department": route.department,
        "approval": f"{approval}@{route.approval_label:d}" if approval else "",
        "approves": route.approves, "of_system": route.of_system, "in_zone": route.in_zone,
        "body": "" if route.body_bytes == 1 << 20 else route.body_bytes,
        "deadline": "" if route.deadline_seconds == 30 else route.deadline_seconds,
        "concurrency": "" if route.concurrency == 256 else route.concurrency,
        "grace": route.grace_seconds or "", "delivery": "" if route.delivery == "local" else route.delivery,
        "labels": ",".join(f"{path}={label:d}" for path, label in route.labels.items()),
    }  # fmt: skip
    words = ["public"] * route.public + ["registered"] * route.registered + ["forward-auth"] * route.forward_auth
    words += ["websocket"] * route.websocket + ["no view"] * ((method, route.path) not in known)
    words += [f"{name}={value}" for name, value in said.items() if value != ""]
    return " ".join([kind, method, route.path, route.actions[method], f"label={route.label:d}", *words])


def test_every_address_is_what_it_is_today(door: CityDoor) -> None:
    known = views(door)
    kinds = [(kind, route) for kind, route in hosts_of_kind(door) if (kind, route.delivery) != ("portal", "proxy")]
    rows = [_row(kind, method, route, known) for kind, route in kinds for method in route.actions]
    routed = {(method, route.path) for _, route in kinds for method in route.actions}
    compare("url_map.txt", _EXPLANATION, [*rows, *(f"no route: {method} {path}" for method, path in known - routed)])
